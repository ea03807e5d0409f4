// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Position, StakingStorage} from "./StakingStorage.sol";

/// @notice What one account has earned beyond its stake.
struct Reward {
    /// @dev Settled and not paid yet.
    uint256 owed;
    /// @dev Until when `owed` is complete.
    uint256 settledAt;
}

/// @dev The same namespace as `StakingStore`, whose members come first and unchanged: v1 runs on it too.
/// @custom:storage-location erc7201:market.storage.Staking
struct StakingStoreV2 {
    uint256 total;
    mapping(address account => Position position) positions;
    // appended by v2
    uint256 rewardRate;
    uint256 rewardStart;
    uint256 rewardPool;
    mapping(address account => Reward reward) rewards;
}

/// @title Where v2 keeps stakes and rewards
library StakingStorageV2 {
    function store() internal pure returns (StakingStoreV2 storage $) {
        bytes32 slot = StakingStorage.SLOT;
        assembly ("memory-safe") {
            $.slot := slot
        }
    }
}
