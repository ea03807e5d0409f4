// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {SlotDerivation} from "@openzeppelin/contracts/utils/SlotDerivation.sol";

/// @custom:storage-location erc7201:cafe.storage.Shop
struct ShopStore {
    EnumerableSet.Bytes32Set menu;
    mapping(bytes32 item => uint256 points) price;
    mapping(address guest => mapping(bytes32 item => uint256 count)) bought;
    uint16 discountBps; // since version 2
}

library ShopStorage {
    using SlotDerivation for string;

    function store() internal pure returns (ShopStore storage $) {
        bytes32 slot = string("cafe.storage.Shop").erc7201Slot();
        assembly ("memory-safe") {
            $.slot := slot
        }
    }
}
