// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Shop} from "./Shop.sol";
import {ShopStorage, ShopStore} from "./ShopStorage.sol";

/// @notice Version 2: a season with a discount. Its configuration leaves withdrawOffer out.
contract ShopV2 is Shop {
    constructor(address owner_) Shop(owner_) {}

    function discountBps() external view returns (uint16) {
        return ShopStorage.store().discountBps;
    }

    function price(bytes32 item) public view override returns (uint256) {
        return Math.mulDiv(super.price(item), 10_000 - ShopStorage.store().discountBps, 10_000);
    }
}
