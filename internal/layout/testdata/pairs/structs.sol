// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract AppendInMappingV1 { struct Lot { uint256 price; address seller; } mapping(uint256 => Lot) lots; }
contract AppendInMappingV2 { struct Lot { uint256 price; address seller; uint64 until; } mapping(uint256 => Lot) lots; }

contract AppendInDeepMappingV1 { struct Lot { uint256 price; } mapping(address => mapping(uint256 => Lot)) lots; }
contract AppendInDeepMappingV2 { struct Lot { uint256 price; uint256 fee; } mapping(address => mapping(uint256 => Lot)) lots; }

contract AppendInPlaceV1 { struct Lot { uint256 price; } Lot lot; uint256 total; }
contract AppendInPlaceV2 { struct Lot { uint256 price; uint256 fee; } Lot lot; uint256 total; }

contract AppendInPlaceLastV1 { struct Lot { uint256 price; } uint256 total; Lot lot; }
contract AppendInPlaceLastV2 { struct Lot { uint256 price; uint256 fee; } uint256 total; Lot lot; }

contract AppendInPaddingOfPlaceV1 { struct Lot { uint128 price; } Lot lot; uint256 total; }
contract AppendInPaddingOfPlaceV2 { struct Lot { uint128 price; uint64 fee; } Lot lot; uint256 total; }

contract AppendInArrayV1 { struct Lot { uint256 price; } Lot[] lots; }
contract AppendInArrayV2 { struct Lot { uint256 price; uint256 fee; } Lot[] lots; }

contract AppendInArrayOfMappingV1 { struct Lot { uint256 price; } mapping(address => Lot[]) lots; }
contract AppendInArrayOfMappingV2 { struct Lot { uint256 price; uint256 fee; } mapping(address => Lot[]) lots; }

contract AppendInNestedV1 { struct Fee { uint256 rate; } struct Lot { Fee fee; uint256 price; } mapping(uint256 => Lot) lots; }
contract AppendInNestedV2 { struct Fee { uint256 rate; uint256 cap; } struct Lot { Fee fee; uint256 price; } mapping(uint256 => Lot) lots; }

contract FillPaddingOfStructV1 { struct Lot { uint128 price; uint256 id; } Lot[] lots; }
contract FillPaddingOfStructV2 { struct Lot { uint128 price; uint64 fee; uint256 id; } Lot[] lots; }

contract GapInStructV1 { struct Lot { uint256 price; uint256[5] __gap; } Lot lot; uint256 total; }
contract GapInStructV2 { struct Lot { uint256 price; uint256 fee; uint256[4] __gap; } Lot lot; uint256 total; }

contract MemberRenamedV1 { struct Lot { uint256 price; address seller; } mapping(uint256 => Lot) lots; }
contract MemberRenamedV2 { struct Lot { uint256 cost; address seller; } mapping(uint256 => Lot) lots; }

contract MemberRetypedV1 { struct Lot { uint256 price; address seller; } Lot[] lots; }
contract MemberRetypedV2 { struct Lot { uint128 price; address seller; } Lot[] lots; }

contract MembersSwappedV1 { struct Lot { uint256 price; uint256 fee; } mapping(uint256 => Lot) lots; }
contract MembersSwappedV2 { struct Lot { uint256 fee; uint256 price; } mapping(uint256 => Lot) lots; }

contract MemberDeletedV1 { struct Lot { uint256 price; address seller; } mapping(uint256 => Lot) lots; }
contract MemberDeletedV2 { struct Lot { uint256 price; } mapping(uint256 => Lot) lots; }

contract StructRenamedV1 { struct Lot { uint256 price; } mapping(uint256 => Lot) lots; }
contract StructRenamedV2 { struct Item { uint256 price; } mapping(uint256 => Item) lots; }

contract StructToNumberV1 { struct Lot { uint256 price; } Lot lot; }
contract StructToNumberV2 { uint256 lot; }

contract StructFromLibraryV1 { Counters.Counter counter; mapping(address => Counters.Counter) known; }
contract StructFromLibraryV2 { Tallies.Tally counter; mapping(address => Tallies.Tally) known; }
library Counters { struct Counter { uint256 value; } }
library Tallies { struct Tally { uint256 value; } }
