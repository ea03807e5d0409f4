// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStaking} from "./IStaking.sol";

/// @title Staking with rewards
interface IStakingV2 is IStaking {
    /// @notice `account` was paid `amount` as its reward.
    event RewardPaid(address indexed account, uint256 amount);

    /// @notice Nothing can be paid: nothing is owed to the account, or nothing is left in the pool.
    error NoReward(uint256 owed, uint256 pool);

    /// @notice What 1e18 staked earn in a second; zero before `MigrateToV2` ran.
    function rewardRate() external view returns (uint256);
    /// @notice What may still be minted as rewards: what was staked at the migration, plus every fee of the market
    /// since, less every reward paid.
    function rewardPool() external view returns (uint256);
    /// @notice What the account has earned and was not paid, whether or not the pool holds as much.
    function pendingReward(address account) external view returns (uint256);
    /// @notice Pays the caller's reward as far as the pool goes; the rest stays owed.
    function claimReward() external returns (uint256 paid);
}
