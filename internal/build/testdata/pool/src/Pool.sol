// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ledger} from "./Ledger.sol";
import {Shares} from "./lib/Shares.sol";

/// @title A facet with an immutable, a base contract and a library that is linked
contract Pool is Ledger {
    /// @notice What one asset is worth, in shares.
    uint256 public immutable rate;

    /// @dev The library is called here already, so it must stand before the pool does.
    constructor(uint256 rate_) {
        rate = Shares.checked(rate_);
    }

    /// @notice Adds assets of the caller.
    function deposit(uint256 assets) external returns (uint256 shares) {
        shares = Shares.add(ledger(), msg.sender, assets, rate);
    }
}
