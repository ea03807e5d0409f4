// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStaking} from "./IStaking.sol";
import {Ledger} from "./Ledger.sol";
import {Position, StakingStore, StakingStorage} from "./storage/StakingStorage.sol";

/// @title Staking, v1
/// @notice See `IStaking`.
contract Staking is IStaking {
    /// @inheritdoc IStaking
    function stake(uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        StakingStore storage $ = StakingStorage.store();
        Position storage position = $.positions[msg.sender];
        $.total += amount;
        position.amount += amount;
        position.since = block.timestamp;
        emit Staked(msg.sender, amount);
        Ledger.move(msg.sender, address(this), amount);
    }

    /// @inheritdoc IStaking
    function unstake(uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        StakingStore storage $ = StakingStorage.store();
        Position storage position = $.positions[msg.sender];
        uint256 has = position.amount;
        if (has < amount) revert InsufficientStake(msg.sender, has, amount);
        $.total -= amount;
        position.amount = has - amount;
        position.since = block.timestamp;
        emit Unstaked(msg.sender, amount);
        Ledger.move(address(this), msg.sender, amount);
    }

    /// @inheritdoc IStaking
    function staked(address account) external view returns (uint256) {
        return StakingStorage.store().positions[account].amount;
    }

    /// @inheritdoc IStaking
    function stakedSince(address account) external view returns (uint256) {
        return StakingStorage.store().positions[account].since;
    }

    /// @inheritdoc IStaking
    function totalStaked() external view returns (uint256) {
        return StakingStorage.store().total;
    }
}
