// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

interface IOracle { }

contract RenameAllowedV1 { uint256 total; address owner; }
contract RenameAllowedV2 {
    /// @custom:oz-renamed-from total
    uint256 sum;
    address owner;
}

contract RenameAllowedInBlockV1 { uint256 total; }
contract RenameAllowedInBlockV2 {
    /**
     * @dev what is held
     * @custom:oz-renamed-from total
     */
    uint256 sum;
}

contract RenameOfAnotherV1 { uint256 total; address owner; }
contract RenameOfAnotherV2 {
    /// @custom:oz-renamed-from amount
    uint256 sum;
    address owner;
}

contract RenameKeptV1 {
    /// @custom:oz-renamed-from total
    uint256 sum;
}
contract RenameKeptV2 {
    /// @custom:oz-renamed-from total
    uint256 sum;
    uint256 fee;
}

contract RenameOfNothingV1 { uint256 total; }
contract RenameOfNothingV2 {
    /// @custom:oz-renamed-from sum
    uint256 total;
}

contract RenameToSwapV1 { uint256 bid; uint256 ask; }
contract RenameToSwapV2 {
    /// @custom:oz-renamed-from bid
    uint256 ask;
    /// @custom:oz-renamed-from ask
    uint256 bid;
}

contract RetypeAllowedV1 { bool open; uint256 total; }
contract RetypeAllowedV2 {
    /// @custom:oz-retyped-from bool
    uint8 open;
    uint256 total;
}

contract RetypeOfStructV1 { struct Lot { uint256 price; } Lot lot; uint256 total; }
contract RetypeOfStructV2 {
    struct Lot { uint256 cost; }
    /// @custom:oz-retyped-from RetypeOfStructV1.Lot
    Lot lot;
    uint256 total;
}

contract RetypeOfEnumV1 { enum State { Open, Closed } State state; }
contract RetypeOfEnumV2 {
    /// @custom:oz-retyped-from RetypeOfEnumV1.State
    uint8 state;
}

contract RetypeOfMappingV1 { mapping(address => IOracle) oracles; }
contract RetypeOfMappingV2 {
    /// @custom:oz-retyped-from mapping(address => IOracle)
    mapping(address => uint160) oracles;
}

contract RetypeToOwnValueV1 { uint128 price; }
type Price is uint128;
contract RetypeToOwnValueV2 {
    /// @custom:oz-retyped-from uint128
    Price price;
}

contract RetypeOfAnotherV1 { bool open; }
contract RetypeOfAnotherV2 {
    /// @custom:oz-retyped-from uint256
    uint8 open;
}

contract RetypeShorthandV1 { uint256 total; }
contract RetypeShorthandV2 {
    /// @custom:oz-retyped-from uint
    bytes32 total;
}

contract RetypeToSmallerV1 { uint128 total; uint256 fee; }
contract RetypeToSmallerV2 {
    /// @custom:oz-retyped-from uint128
    uint64 total;
    uint256 fee;
}

contract RetypeAndMoveV1 { bool open; uint256 total; }
contract RetypeAndMoveV2 {
    uint256 total;
    /// @custom:oz-retyped-from bool
    uint8 open;
}

contract RetypeAndRenameV1 { bool open; uint256 total; }
contract RetypeAndRenameV2 {
    /// @custom:oz-retyped-from bool
    /// @custom:oz-renamed-from open
    uint8 state;
    uint256 total;
}

contract RetypeWithoutRenameV1 { bool open; uint256 total; }
contract RetypeWithoutRenameV2 {
    /// @custom:oz-retyped-from bool
    uint8 state;
    uint256 total;
}
