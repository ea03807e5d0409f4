// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMigrateToV2} from "./IMigrateToV2.sol";
import {StakingStoreV2, StakingStorageV2} from "./storage/StakingStorageV2.sol";

/// @title MigrateToV2
/// @notice See `IMigrateToV2`.
/// @dev Run by delegatecall when v2's routes become live; never a facet, since anybody could call it then.
contract MigrateToV2 is IMigrateToV2 {
    /// @dev 1e-5 a second: 3.6 % an hour.
    uint256 private constant MAX_RATE = 1e13;

    /// @inheritdoc IMigrateToV2
    function migrate(uint256 rewardRate) external {
        StakingStoreV2 storage $ = StakingStorageV2.store();
        if ($.rewardStart != 0) revert AlreadyMigrated($.rewardStart);
        if (rewardRate == 0 || rewardRate > MAX_RATE) revert RateOutOfBounds(rewardRate, 1, MAX_RATE);
        uint256 pool = $.rewardPool + $.total;
        $.rewardStart = block.timestamp;
        $.rewardRate = rewardRate;
        $.rewardPool = pool;
        emit Migrated(rewardRate, pool);
    }
}
