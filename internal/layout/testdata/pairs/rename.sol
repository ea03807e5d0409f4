// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract RenameOneV1 { uint256 total; address owner; }
contract RenameOneV2 { uint256 sum; address owner; }

contract RenameAllV1 { uint256 a; uint256 b; uint256 c; }
contract RenameAllV2 { uint256 x; uint256 y; uint256 z; }

contract RenameAndAppendV1 { uint256 total; address owner; }
contract RenameAndAppendV2 { uint256 total; address admin; uint256 fee; }

contract RenameContractTypeV1 { IOracle oracle; }
contract RenameContractTypeV2 { IFeed feed; }
interface IOracle { }
interface IFeed { }

contract RenameToGapV1 { uint256[3] spare; uint256 total; }
contract RenameToGapV2 { uint256[3] __gap; uint256 total; }
