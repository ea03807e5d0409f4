// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

// Variables that stay what they are, but not where.

contract PackingV1 { uint128 bid; uint128 ask; uint256 total; }
contract PackingV2 { uint256 bid; uint128 ask; uint256 total; }

contract UnpackV1 { address owner; bool open; uint256 total; }
contract UnpackV2 { address owner; bytes32 root; bool open; uint256 total; }

contract MoveInSlotV1 { uint64 start; uint64 end; uint256 total; }
contract MoveInSlotV2 { uint128 start; uint64 end; uint256 total; }

contract LayoutAtV1 layout at 256 { uint256 total; address owner; }
contract LayoutAtV2 layout at 512 { uint256 total; address owner; }

contract LayoutAtAddedV1 { uint256 total; }
contract LayoutAtAddedV2 layout at 256 { uint256 total; }

contract LayoutAtKeptV1 layout at 0x101234 { uint256 total; }
contract LayoutAtKeptV2 layout at 1053236 { uint256 total; uint256 fee; }

contract LayoutAtNamespaceV1 layout at erc7201("example.main") { uint256 total; }
contract LayoutAtNamespaceV2 layout at erc7201("example.main") { uint256 total; uint256 fee; }

contract LayoutAtOtherNamespaceV1 layout at erc7201("example.main") { uint256 total; }
contract LayoutAtOtherNamespaceV2 layout at erc7201("example.other") { uint256 total; }

contract ZeroIsNoLayoutV1 { uint256 total; }
contract ZeroIsNoLayoutV2 layout at 0 { uint256 total; }
