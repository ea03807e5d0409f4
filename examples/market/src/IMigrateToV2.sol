// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The init call of v2
interface IMigrateToV2 {
    /// @notice 1e18 staked earn `rewardRate` a second from now on; the pool begins with `rewardPool`.
    event Migrated(uint256 rewardRate, uint256 rewardPool);

    /// @notice Rewards have been running since `start` (block time).
    error AlreadyMigrated(uint256 start);
    /// @notice A rate of zero, or so high that it was meant in another unit.
    error RateOutOfBounds(uint256 rate, uint256 min, uint256 max);

    /// @notice Lets all stakes, those of v1 included, earn from this block on, and adds as much to the reward pool as
    /// is staked now.
    /// @param rewardRate What 1e18 staked earn in a second.
    function migrate(uint256 rewardRate) external;
}
