// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

// Facets of a ManifestDispatcher. A namespace is reached as such contracts do.

library Linked { function twice(uint256 x) external pure returns (uint256) { return 2 * x; } }
abstract contract Initializable { modifier onlyInitializing() { _; } }
contract Owned is Initializable { function __Owned_init() internal onlyInitializing { emit Done(); } event Done(); }

abstract contract Main {
    /// @custom:storage-location erc7201:example.main
    struct MainStorage { uint256 total; uint256[] list; mapping(address => uint256) by; }
    function main() internal pure returns (MainStorage storage $) { assembly { $.slot := 0x183a6125c38840424c4a85fa12bab2ab606c4b6d0e7cc73c0c06ba5300eab500 } }
}

contract Good is Main, Owned {
    address immutable token;
    constructor(address t) { require(t != address(0)); token = t; }
    function add(uint256 x) external { main().total += Linked.twice(x); }
}
contract Plain { uint256 total; address owner; function add(uint256 x) external { total += x; } }
contract Assigned { uint256 total = 1; }
contract WritesVariable { uint256 total; constructor() { total = 1; } }
contract WritesNamespace is Main { constructor() { main().total = 1; } }
contract WritesThroughCall is Main { constructor() { start(); } function start() internal { main().by[msg.sender]++; } }
contract WritesByPush is Main { constructor() { main().list.push(1); } }
contract WritesByDelete { uint256[] list; constructor() { delete list[0]; } }
contract WritesTuple { uint256 a; uint256 b; constructor() { (a, b) = (1, 2); } }
contract WritesInAssembly { constructor() { assembly { sstore(0, 1) } } }
contract WritesMemoryOnly { constructor() { uint256[] memory list = new uint256[](2); list[0] = 1; uint256 x; x++; } }
contract Delegates { function run(address to) external { (bool done,) = to.delegatecall(""); require(done); } }
contract Destroys { function end(address payable to) external { selfdestruct(to); } }

// State in a library, as facets often have it, and in a struct of a file.
/// @custom:storage-location erc7201:example.file
struct FileStorage { uint256 one; }
library VaultV1 {
    /// @custom:storage-location erc7201:example.vault
    struct Layout { uint256 total; address owner; }
    function layout() internal pure returns (Layout storage $) { assembly { $.slot := 5 } }
}
library VaultV2 {
    /// @custom:storage-location erc7201:example.vault
    struct Layout { address owner; uint256 total; }
    function layout() internal pure returns (Layout storage $) { assembly { $.slot := 5 } }
    function unused() internal pure returns (FileStorage storage $) { assembly { $.slot := 5 } }
}
contract LibraryV1 { function add(uint256 x) external { more(x); } function more(uint256 x) private { VaultV1.layout().total += x; } }
contract LibraryV2 { function add(uint256 x) external { VaultV2.layout().total += x; } }
contract LibraryGone { }
contract UsesFile { function add(uint256 x) external { FileStorage storage $; assembly { $.slot := 6 } $.one += x; } }
library Hooks {
    /// @custom:storage-location erc7201:example.hooks
    struct Layout { function() internal before; }
    function layout() internal pure returns (Layout storage $) { assembly { $.slot := 5 } }
}
contract Hooked { function run() external { Hooks.layout().before(); } }
