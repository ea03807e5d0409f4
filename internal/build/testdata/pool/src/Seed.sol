// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledger} from "./Ledger.sol";
import {Ratio} from "./lib/Ratio.sol";

/// @title An init call that links a library itself
contract Seed is Ledger {
    function seed(address account, uint256 shares) external {
        ledger().shares[account] = Ratio.times(shares, 2);
    }
}
