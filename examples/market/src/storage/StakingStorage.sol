// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What one account has staked.
struct Position {
    uint256 amount;
    /// @dev When `amount` last changed. Both versions write it at every change: see `StakingV2`.
    uint256 since;
}

/// @custom:storage-location erc7201:market.storage.Staking
struct StakingStore {
    uint256 total;
    mapping(address account => Position position) positions;
}

/// @title Where v1 keeps stakes
library StakingStorage {
    // keccak256(abi.encode(uint256(keccak256("market.storage.Staking")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0xbc222bfa8096b7c4ea27151318c28331a9446873b86f734ec535b54b82faf700;

    function store() internal pure returns (StakingStore storage $) {
        assembly ("memory-safe") {
            $.slot := SLOT
        }
    }
}
