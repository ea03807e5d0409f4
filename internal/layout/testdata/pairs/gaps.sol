// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract GapShrinksV1 { uint256 total; uint256[50] __gap; }
contract GapShrinksV2 { uint256 total; uint256 fee; uint256[49] __gap; }

contract GapShrinksBeforeOthersV1 { uint256[3] __gap; address owner; }
contract GapShrinksBeforeOthersV2 { uint256 fee; uint256[2] __gap; address owner; }

contract GapTakesPackedV1 { uint256 total; uint256[5] __gap; address owner; }
contract GapTakesPackedV2 { uint256 total; uint128 bid; uint64 at; uint256[4] __gap; address owner; }

contract GapIsUsedUpV1 { uint256[2] __gap; address owner; }
contract GapIsUsedUpV2 { uint256 fee; uint256 cap; address owner; }

contract GapIsUsedUpByAStructV1 { uint256[2] __gap; address owner; }
contract GapIsUsedUpByAStructV2 { struct Point { uint256 x; uint256 y; } Point point; address owner; }

contract GapOfBytesV1 { bytes32[3] __gap; address owner; }
contract GapOfBytesV2 { bytes32 root; bytes32[2] __gap; address owner; }

contract GapWithAnotherNameV1 { uint256 total; uint256[3] __gap_vault; address owner; }
contract GapWithAnotherNameV2 { uint256 total; uint256 fee; uint256[2] __gap_vault; address owner; }

contract GapIsRenamedV1 { uint256[3] __gap; address owner; }
contract GapIsRenamedV2 { uint256 fee; uint256[2] __gap_1; address owner; }

contract TwoGapsV1 { uint256 a; uint256[3] __gap_1; uint256 b; uint256[3] __gap_2; uint256 c; }
contract TwoGapsV2 { uint256 a; uint256 a2; uint256[2] __gap_1; uint256 b; uint256 b2; uint256 b3; uint256[1] __gap_2; uint256 c; }

contract GapStaysV1 { uint256 total; uint256[3] __gap; address owner; }
contract GapStaysV2 { uint256 total; uint256 fee; uint256[3] __gap; address owner; }

contract GapShrinksTooMuchV1 { uint256 total; uint256[5] __gap; address owner; }
contract GapShrinksTooMuchV2 { uint256 total; uint256 fee; uint256[3] __gap; address owner; }

contract GapShrinksAloneV1 { uint256 total; uint256[5] __gap; }
contract GapShrinksAloneV2 { uint256 total; uint256[4] __gap; }

contract GapGrowsV1 { uint256 total; uint256[3] __gap; }
contract GapGrowsV2 { uint256 total; uint256[5] __gap; }

contract GapIsDeletedV1 { uint256 total; uint256[3] __gap; address owner; }
contract GapIsDeletedV2 { uint256 total; address owner; }

contract GapIsNotUsedUpV1 { uint256[2] __gap; address owner; }
contract GapIsNotUsedUpV2 { uint256 fee; uint128 cap; address owner; }

contract NotCalledAGapV1 { uint256[3] _gap; address owner; }
contract NotCalledAGapV2 { uint256 fee; uint256[2] _gap; address owner; }

contract GapMovesV1 { uint256[3] __gap; uint256 total; }
contract GapMovesV2 { uint256 total; uint256[3] __gap; }

contract GapGivesToOverlapV1 { uint256 total; uint256[2] __gap; address owner; }
contract GapGivesToOverlapV2 { uint256 total; uint256[3] list; address owner; }
