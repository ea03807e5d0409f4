// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Store} from "../../src/lib/Store.sol";

/// @dev The compiler tells the layout of state variables only: see script/snapshots.js.
contract StoreLayout {
    Store private store;
}
