// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @notice The café's loyalty points. OpenZeppelin's ERC20 and Nonces keep their state from slot 0 on, so this is the one
/// facet that may; the others have namespaces.
contract Points is ERC20, Nonces {
    /// @notice What a new guest gets: an immutable, hence a part of this facet's code.
    uint256 public immutable welcome;

    // The constructor writes name and symbol to the facet's own storage, which nobody reads: see below.
    constructor(uint256 welcome_) ERC20("", "") {
        welcome = welcome_;
    }

    function name() public pure override returns (string memory) {
        return "Cafe Points";
    }

    function symbol() public pure override returns (string memory) {
        return "CAFE";
    }

    /// @notice Joins once.
    function join() external {
        _useCheckedNonce(msg.sender, 0);
        _mint(msg.sender, welcome);
    }
}
