// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

// Facets that share a dispatcher's storage.

contract PlainBase { uint256 total; address owner; }
contract PlainSame { uint256 total; address owner; }
contract PlainMore is PlainBase { uint256 fee; }
contract PlainOther is PlainBase { uint256 rate; }
contract PlainRenamed { uint256 sum; address owner; }
contract PlainRetyped { uint256 total; bytes20 owner; }
contract PlainSwapped { address owner; uint256 total; }
contract PlainPacked { uint128 total; uint128 rest; address owner; }
contract PlainWithout { uint256 total; uint256 fee; address owner; }
contract PlainSaysSo { /// @custom:oz-renamed-from total
    uint256 sum; address owner; }
contract PlainApart layout at 1000 { uint256 total; address owner; }
contract PlainNear layout at 1 { uint256 rate; }
contract Middle { address one; } // another is in layouts.sol
contract NoState { uint256 constant TOTAL = 1; uint256 immutable fee = 2; uint256 transient now_; }

contract GapKept { uint256 total; uint256[5] __gap; }
contract GapUsed { uint256 total; uint256 fee; uint256[4] __gap; }
contract GapMoved { uint256 total; uint256 fee; uint256[5] __gap; address last; }
contract GapBefore { uint256 total; uint256[5] __gap; address last; }
contract Padded { uint64 start; uint256 total; }
contract PaddingFilled { uint64 start; uint64 end; uint256 total; }
contract PaddedMore { uint64 start; uint256 total; uint256 fee; }
contract PaddingOther { uint64 start; uint128 rate; uint256 total; }

contract EnumShort { enum State { A, B } State state; mapping(uint256 => State) by; }
contract EnumLong { enum State { A, B, C } State state; mapping(uint256 => State) by; uint256 more; }
contract EnumOther { enum State { B, A } State state; mapping(uint256 => State) by; }
contract LotShort { struct Lot { uint256 price; } mapping(uint256 => Lot) lots; }
contract LotLong { struct Lot { uint256 price; uint256 fee; } mapping(uint256 => Lot) lots; }
contract LotOther { struct Lot { address owner; } mapping(uint256 => Lot) lots; }

contract SpaceA {
    /// @custom:storage-location erc7201:collisions.main
    struct Main { uint256 total; address owner; }
}
contract SpaceSame {
    /// @custom:storage-location erc7201:collisions.main
    struct Other { uint256 total; address owner; }
}
contract SpaceMore {
    /// @custom:storage-location erc7201:collisions.main
    struct Main { uint256 total; address owner; uint256 fee; }
}
contract SpaceSwapped {
    /// @custom:storage-location erc7201:collisions.main
    struct Main { address owner; uint256 total; }
}
contract SpaceElsewhere {
    /// @custom:storage-location erc7201:collisions.other
    struct Main { address owner; uint256 total; }
}
contract SpaceAndPlain {
    uint256 total;
    /// @custom:storage-location erc7201:collisions.main
    struct Main { uint256 total; address owner; }
    /// @custom:storage-location erc7201:collisions.other
    struct Other { uint256 total; }
}
library SpaceLibrary {
    /// @custom:storage-location erc7201:collisions.main
    struct Layout { uint256 total; uint256 owner; }
    function layout() internal pure returns (Layout storage $) { assembly { $.slot := 5 } }
}
contract SpaceOfLibrary { function add(uint256 x) external { SpaceLibrary.layout().total += x; } }
contract SpaceOfLibraryToo { function take(uint256 x) external { SpaceLibrary.layout().total -= x; } }
