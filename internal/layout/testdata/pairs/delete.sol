// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract DeleteFirstV1 { uint256 total; address owner; bytes32 root; }
contract DeleteFirstV2 { address owner; bytes32 root; }

contract DeleteMiddleV1 { uint256 total; address owner; bytes32 root; }
contract DeleteMiddleV2 { uint256 total; bytes32 root; }

contract DeleteLastV1 { uint256 total; address owner; }
contract DeleteLastV2 { uint256 total; }

contract DeleteAllV1 { uint256 total; address owner; }
contract DeleteAllV2 { }

contract DeletePackedV1 { uint64 start; uint64 end; uint256 total; }
contract DeletePackedV2 { uint64 start; uint256 total; }

contract VariableBecomesConstantV1 { uint256 total; uint256 limit; uint256 fee; }
contract VariableBecomesConstantV2 { uint256 total; uint256 constant limit = 10; uint256 fee; }

contract VariableBecomesTransientV1 { uint256 total; uint256 lock; }
contract VariableBecomesTransientV2 { uint256 total; uint256 transient lock; }

contract SwapV1 { uint256 total; address owner; }
contract SwapV2 { address owner; uint256 total; }

contract RotateV1 { uint256 a; uint256 b; uint256 c; }
contract RotateV2 { uint256 b; uint256 c; uint256 a; }
