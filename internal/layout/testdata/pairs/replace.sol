// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract ReplaceOneV1 { uint256 total; address owner; }
contract ReplaceOneV2 { uint256 total; bytes32 root; }

contract ReplaceFirstV1 { uint256 total; address owner; }
contract ReplaceFirstV2 { bool open; address owner; }

contract ReplaceAllV1 { uint256 total; address owner; }
contract ReplaceAllV2 { mapping(address => uint256) balances; string name; }

contract ReplaceAndAppendV1 { uint256 total; bool open; }
contract ReplaceAndAppendV2 { uint256 total; uint64 start; uint256 fee; }

contract ReplacePackedV1 { uint64 start; uint64 end; }
contract ReplacePackedV2 { uint64 start; address owner; }
