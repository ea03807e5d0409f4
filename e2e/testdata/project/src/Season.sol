// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ShopStorage, ShopStore} from "./ShopStorage.sol";

/// @notice Run once, by delegatecall, in the transaction that activates version 2.
contract Season {
    error NoSuchDiscount(uint16 bps);

    function open(uint16 discountBps) external {
        require(discountBps > 0 && discountBps < 10_000, NoSuchDiscount(discountBps));
        ShopStorage.store().discountBps = discountBps;
    }
}
