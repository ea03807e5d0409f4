// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract InsertFirstV1 { uint256 total; address owner; }
contract InsertFirstV2 { uint256 fee; uint256 total; address owner; }

contract InsertMiddleV1 { uint256 total; address owner; }
contract InsertMiddleV2 { uint256 total; uint256 fee; address owner; }

contract InsertTwoV1 { uint256 total; address owner; bytes32 root; }
contract InsertTwoV2 { uint256 total; uint256 fee; address owner; uint256 cap; bytes32 root; }

contract InsertSmallV1 { uint128 bid; uint128 ask; uint256 total; }
contract InsertSmallV2 { uint128 bid; uint64 at; uint128 ask; uint256 total; }

contract InsertMappingV1 { mapping(address => uint256) balances; uint256 total; }
contract InsertMappingV2 { mapping(address => bool) blocked; mapping(address => uint256) balances; uint256 total; }

contract ConstantBecomesVariableV1 { uint256 total; uint256 constant LIMIT = 10; uint256 fee; }
contract ConstantBecomesVariableV2 { uint256 total; uint256 LIMIT; uint256 fee; }

contract InsertStructV1 { uint256 total; uint256 fee; }
contract InsertStructV2 { struct Point { uint256 x; uint256 y; } uint256 total; Point point; uint256 fee; }
