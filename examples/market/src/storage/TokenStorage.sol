// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @custom:storage-location erc7201:market.storage.Token
struct TokenStore {
    uint256 totalSupply;
    mapping(address account => uint256 amount) balances;
    mapping(address owner => mapping(address spender => uint256 amount)) allowances;
    mapping(address account => bool done) claimed;
}

/// @title Where the token keeps its state
library TokenStorage {
    // keccak256(abi.encode(uint256(keccak256("market.storage.Token")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant SLOT = 0x62d3c3deb2924e497437d8c92db4b507d0aff99b72f2179ae38181f007aea200;

    function store() internal pure returns (TokenStore storage $) {
        assembly ("memory-safe") {
            $.slot := SLOT
        }
    }
}
