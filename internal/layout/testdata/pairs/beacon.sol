// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract NeedsNoUpgradeFunctionV1 { uint256 total; }
contract NeedsNoUpgradeFunctionV2 { uint256 total; uint256 fee; }

contract StorageMattersV1 { uint256 total; address owner; }
contract StorageMattersV2 { address owner; uint256 total; }
