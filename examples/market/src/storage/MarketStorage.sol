// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice One lot. No seller: never listed, or delisted. A buyer: sold.
struct Listing {
    address seller;
    address buyer;
    uint256 price;
}

/// @custom:storage-location erc7201:market.storage.Market
struct MarketStore {
    uint256 count;
    mapping(uint256 id => Listing listing) listings;
}

/// @title Where the market keeps its lots
library MarketStorage {
    // keccak256(abi.encode(uint256(keccak256("market.storage.Market")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0x11d40c6177497cdf41ec8e0ca274773918759d9f6197c3a4b0576a9a0e964000;

    function store() internal pure returns (MarketStore storage $) {
        assembly ("memory-safe") {
            $.slot := SLOT
        }
    }
}
