// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Book} from "./lib/Shares.sol";

/// @title What accounts hold
abstract contract Ledger {
    /// @notice The shares of an account.
    function sharesOf(address account) external view returns (uint256) {
        return ledger().shares[account];
    }

    function ledger() internal pure returns (Book storage $) {
        // keccak256(abi.encode(uint256(keccak256("pool.ledger")) - 1)) & ~bytes32(uint256(0xff))
        bytes32 slot = 0x6dda2f4fe2e26ce2524afc89f13d9cb6a835d16ae8839e982184d58157c46000;
        assembly ("memory-safe") {
            $.slot := slot
        }
    }
}
