// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

// Places that follow from the syntax tree: the test compares them with storageLayout.

type Price is uint128;
uint256 constant FAR = 2 ** 128;
interface IOracle { }
library Deep { enum State { A, B } struct Leaf { bool on; State state; Price price; } struct Branch { Leaf[3] leaves; mapping(State => Leaf) by; } }

contract Everything {
    bool a; uint8 b; int16 c; bytes3 d; address e; IOracle f; Deep.State g; Price h; bytes32 i; bytes j; string k;
    function() external l; function(uint256) internal returns (bool) m; uint128[3] n; uint256[] o; Deep.Leaf p; Deep.Branch q;
    bool[33] r; address payable[2] s; mapping(address who => mapping(Price => Deep.Leaf[])) t; uint24[2][3] u; Deep.Leaf[2] v; bool w;
    bytes31 x; uint8 y; uint256[2**100] z; int256 last;
}

contract Dollar$ { struct _$_t_odd$ { uint256 x$_; } _$_t_odd$ a$; mapping(bytes32 => _$_t_odd$[2]) $; struct S_ { bool b; } S_ c; }

contract Base { uint64 one; uint64 constant TWO = 2; uint64 immutable three = 3; uint64 transient four; }
contract Middle is Base { uint64 five; Deep.Leaf six; }
contract Derived is Middle { bool seven; address private eight; }

contract At layout at 0xAAAA + 0x11 { uint256[3] x; bool y; }
contract AtPower layout at (2 ** 255 - 42) * 1 { uint256 x; }
contract AtConstant layout at FAR { uint256 x; }
contract AtShift layout at 1 << 200 { Deep.Leaf x; uint8 y; }
contract AtNamespace is Base layout at erc7201("example.main") { uint256 x; }

// A struct may hold itself behind a mapping or an array.
contract TreeV1 { struct Node { uint256 value; Node[] children; mapping(address => Node) by; } Node root; uint256 total; }
contract TreeV2 { struct Node { uint256 value; Node[] children; mapping(address => Node) by; } Node root; uint256 total; uint256 fee; }
contract TreeGrown { struct Node { uint256 value; Node[] children; mapping(address => Node) by; uint256 more; } Node root; uint256 total; }
contract TreeInMappingV1 { struct Node { uint256 value; mapping(address => Node) by; } mapping(uint256 => Node) roots; }
contract TreeInMappingV2 { struct Node { uint256 value; mapping(address => Node) by; uint256 more; } mapping(uint256 => Node) roots; }

contract GraphV1 { struct A { mapping(uint256 => B) b; uint256 v; } struct B { mapping(uint256 => A) a; } mapping(uint256 => A) first; mapping(uint256 => B) second; }
contract GraphV2 { struct A { mapping(uint256 => B) b; uint128 v; } struct B { mapping(uint256 => A) a; } mapping(uint256 => A) first; mapping(uint256 => B) second; }

contract Twice {
    /// @custom:storage-location erc7201:example.main
    struct One { uint256 a; }
    /// @custom:storage-location erc7201:example.main
    struct Two { uint256 b; }
}
contract OnTop layout at erc7201("example.main") {
    uint256 x;
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 a; }
}
