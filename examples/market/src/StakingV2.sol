// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStaking} from "./IStaking.sol";
import {IStakingV2} from "./IStakingV2.sol";
import {Ledger} from "./Ledger.sol";
import {Position} from "./storage/StakingStorage.sol";
import {Reward, StakingStoreV2, StakingStorageV2} from "./storage/StakingStorageV2.sol";

/// @title Staking, v2
/// @notice See `IStakingV2`.
/// @dev A position has held the same amount since `Position.since`, whichever version wrote it, so what it earned since
/// then is known exactly. That is why a detour over v1's routes cannot falsify rewards: v1 knows nothing of them, and a
/// position that it changes earns anew from that change on.
contract StakingV2 is IStakingV2 {
    uint256 private constant UNIT = 1e18;

    /// @inheritdoc IStaking
    function stake(uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        StakingStoreV2 storage $ = StakingStorageV2.store();
        _settle($, msg.sender);
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
        StakingStoreV2 storage $ = StakingStorageV2.store();
        Position storage position = $.positions[msg.sender];
        uint256 has = position.amount;
        if (has < amount) revert InsufficientStake(msg.sender, has, amount);
        _settle($, msg.sender);
        $.total -= amount;
        position.amount = has - amount;
        position.since = block.timestamp;
        emit Unstaked(msg.sender, amount);
        Ledger.move(address(this), msg.sender, amount);
        _pay($, msg.sender);
    }

    /// @inheritdoc IStakingV2
    function claimReward() external returns (uint256 paid) {
        StakingStoreV2 storage $ = StakingStorageV2.store();
        _settle($, msg.sender);
        paid = _pay($, msg.sender);
        if (paid == 0) revert NoReward($.rewards[msg.sender].owed, $.rewardPool);
    }

    /// @inheritdoc IStaking
    function staked(address account) external view returns (uint256) {
        return StakingStorageV2.store().positions[account].amount;
    }

    /// @inheritdoc IStaking
    function stakedSince(address account) external view returns (uint256) {
        return StakingStorageV2.store().positions[account].since;
    }

    /// @inheritdoc IStaking
    function totalStaked() external view returns (uint256) {
        return StakingStorageV2.store().total;
    }

    /// @inheritdoc IStakingV2
    function rewardRate() external view returns (uint256) {
        return StakingStorageV2.store().rewardRate;
    }

    /// @inheritdoc IStakingV2
    function rewardPool() external view returns (uint256) {
        return StakingStorageV2.store().rewardPool;
    }

    /// @inheritdoc IStakingV2
    function pendingReward(address account) external view returns (uint256) {
        return _owed(StakingStorageV2.store(), account);
    }

    function _owed(StakingStoreV2 storage $, address account) private view returns (uint256) {
        Position storage position = $.positions[account];
        Reward storage reward = $.rewards[account];
        uint256 from = _max(_max(position.since, reward.settledAt), $.rewardStart);
        return reward.owed + position.amount * $.rewardRate * (block.timestamp - from) / UNIT;
    }

    function _settle(StakingStoreV2 storage $, address account) private {
        $.rewards[account] = Reward({owed: _owed($, account), settledAt: block.timestamp});
    }

    /// @dev An empty pool never stands between an account and its stake: what is not paid stays owed.
    function _pay(StakingStoreV2 storage $, address account) private returns (uint256 paid) {
        Reward storage reward = $.rewards[account];
        uint256 pool = $.rewardPool;
        paid = reward.owed < pool ? reward.owed : pool;
        if (paid == 0) return 0;
        reward.owed -= paid;
        $.rewardPool = pool - paid;
        emit RewardPaid(account, paid);
        Ledger.mint(account, paid);
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
