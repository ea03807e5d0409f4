// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract Owned { address owner; }
contract Paused { bool paused; }
contract Capped { uint256 cap; }
contract OwnedMore { address owner; uint256 since; }
contract OwnedGap { address owner; uint256[3] __gap; }
contract OwnedGapUsed { address owner; uint256 since; uint256 until; uint256[1] __gap; }

contract SameOrderV1 is Owned, Capped { uint256 total; }
contract SameOrderV2 is Owned, Capped { uint256 total; uint256 fee; }

contract OtherOrderV1 is Owned, Capped { uint256 total; }
contract OtherOrderV2 is Capped, Owned { uint256 total; }

contract BaseAddedV1 is Owned { uint256 total; }
contract BaseAddedV2 is Owned, Capped { uint256 total; }

contract BaseAddedLastV1 is Owned, Capped { }
contract BaseAddedLastV2 is Owned, Capped, Paused { }

contract BaseAddedIntoPaddingV1 is Owned { uint256 total; }
contract BaseAddedIntoPaddingV2 is Owned, Paused { uint256 total; }

contract BaseRemovedV1 is Owned, Capped { uint256 total; }
contract BaseRemovedV2 is Owned { uint256 total; }

contract BaseGrowsV1 is Owned { uint256 total; }
contract BaseGrowsV2 is OwnedMore { uint256 total; }

contract BaseGrowsIntoGapV1 is OwnedGap { uint256 total; }
contract BaseGrowsIntoGapV2 is OwnedGapUsed { uint256 total; }

contract BaseTakesVariableV1 { address owner; uint256 total; }
contract BaseTakesVariableV2 is Owned { uint256 total; }

contract VariablesBecomeBasesV1 { address owner; uint256 cap; }
contract VariablesBecomeBasesV2 is Owned, Capped { }

contract BaseWithoutStorageV1 is Owned { uint256 total; }
abstract contract Helper { function one() internal pure returns (uint256) { return 1; } }
contract BaseWithoutStorageV2 is Helper, Owned { uint256 total; }

contract Secret { uint256 private key; }
contract PrivateShadowV1 is Secret { uint256 private key; }
contract PrivateShadowV2 is Secret { uint256 private key; uint256 more; }

contract Top { uint256 top; }
contract Left is Top { uint256 left; }
contract Right is Top { uint256 right; }
contract DiamondBasesV1 is Left, Right { uint256 total; }
contract DiamondBasesV2 is Right, Left { uint256 total; }
