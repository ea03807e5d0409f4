// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A library that a library links
library Ratio {
    function times(uint256 a, uint256 b) external pure returns (uint256) {
        return a * b;
    }
}
