// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

// What may be done: add at the end, change code, use room that was nobody's.

contract NothingV1 { uint256 total; address owner; }
contract NothingV2 { uint256 total; address owner; function read() external view returns (uint256) { return total; } }

contract AppendOneV1 { uint256 total; }
contract AppendOneV2 { uint256 total; uint256 fee; }

contract AppendManyV1 { uint256 total; }
contract AppendManyV2 { uint256 total; mapping(address => uint256) balances; string name; bool open; bool paused; }

contract AppendToEmptyV1 { function version() external pure returns (uint256) { return 1; } }
contract AppendToEmptyV2 { uint256 total; address owner; }

contract AppendIntoLastSlotV1 { uint256 total; uint64 start; }
contract AppendIntoLastSlotV2 { uint256 total; uint64 start; uint64 end; }

contract FillPaddingV1 { uint64 start; uint256 total; }
contract FillPaddingV2 { uint64 start; uint64 end; uint256 total; }

contract FillPaddingTwiceV1 { bool open; uint256 total; address owner; uint256 fee; }
contract FillPaddingTwiceV2 { bool open; bool paused; uint256 total; address owner; uint96 nonce; uint256 fee; }

contract ConstantV1 { uint256 total; uint256 constant LIMIT = 10; uint256 fee; }
contract ConstantV2 { uint256 total; uint256 fee; uint256 constant LIMIT = 20; uint256 constant MORE = 30; }

contract TransientV1 { uint256 total; uint256 transient lock; uint256 fee; }
contract TransientV2 { uint256 transient lock; uint256 transient depth; uint256 total; uint256 fee; }

contract NamedKeysV1 { mapping(address => mapping(address => uint256)) allowances; }
contract NamedKeysV2 { mapping(address owner => mapping(address spender => uint256 amount)) allowances; }

contract VisibilityV1 { uint256 internal total; address private owner; }
contract VisibilityV2 { uint256 public total; address public owner; }
