// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

// Storage stays what it is: what is unsafe is the new version by itself.

library Linked { function twice(uint256 x) external pure returns (uint256) { return 2 * x; } }
library Inlined { function twice(uint256 x) internal pure returns (uint256) { return 2 * x; } }
library Calls {
    function into(address to) internal { (bool done,) = to.delegatecall(""); require(done); }
    function through(address to) internal { into(to); }
    function harmless() internal pure returns (uint256) { return 1; }
}
/// @custom:oz-upgrades-unsafe-allow delegatecall
library CallsAllowed { function into(address to) internal { (bool done,) = to.delegatecall(""); require(done); } }
function destroy(address payable to) { selfdestruct(to); }

contract PlainV1 { uint256 total; }
contract PlainV2 { uint256 total; function twice() external view returns (uint256) { return Inlined.twice(total); } }

contract EmptyConstructorV1 { uint256 total; }
contract EmptyConstructorV2 { uint256 total; constructor() payable { } }

contract WritingConstructorV1 { uint256 total; }
contract WritingConstructorV2 { uint256 total; constructor() { total = 1; } }

contract ConstructorWithModifierV1 { uint256 total; }
contract ConstructorWithModifierV2 { uint256 total; modifier once() { require(total == 0); _; } constructor() once { } }

contract InheritedConstructorV1 { uint256 total; }
contract WithConstructor { uint256 total; constructor() { total = 2; } }
contract InheritedConstructorV2 is WithConstructor { }

contract AllowedConstructorV1 { uint256 total; }
contract AllowedConstructorV2 {
    uint256 total;
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() { total = 1; }
}

contract ImmutableV1 { uint256 total; }
contract ImmutableV2 { uint256 total; uint256 immutable fee = 3; }

contract ImmutableFromConstructorV1 { uint256 total; }
contract ImmutableFromConstructorV2 { uint256 total; address immutable token; constructor(address t) { token = t; } }

contract AllowedImmutableV1 { uint256 total; }
/// @custom:oz-upgrades-unsafe-allow constructor state-variable-immutable
contract AllowedImmutableV2 { uint256 total; address immutable token; constructor(address t) { token = t; } }

contract AssignedV1 { uint256 total; }
contract AssignedV2 { uint256 total = 1; }

contract AssignedStringV1 { string name; uint256 constant LIMIT = 1; }
contract AssignedStringV2 { string name = "vault"; uint256 constant LIMIT = 2; }

contract InheritedAssignmentV1 { uint256 fee; }
contract WithFee { uint256 fee = 5; }
/// @custom:oz-upgrades-unsafe-allow-reachable state-variable-assignment
contract InheritedAssignmentV2 is WithFee { }

contract AllowedAssignmentV1 { uint256 total; }
contract AllowedAssignmentV2 {
    /// @custom:oz-upgrades-unsafe-allow state-variable-assignment
    uint256 total = 1;
}

contract DelegatecallV1 { uint256 total; }
contract DelegatecallV2 { uint256 total; function run(address to) external { (bool done,) = to.delegatecall{gas: 5000}(""); require(done); } }

contract DelegatecallInLibraryV1 { uint256 total; }
contract DelegatecallInLibraryV2 { uint256 total; function run(address to) external { Calls.through(to); } }

contract LibraryWithoutItV1 { uint256 total; }
contract LibraryWithoutItV2 { uint256 total; function run() external pure returns (uint256) { return Calls.harmless(); } }

contract DelegatecallInModifierV1 { uint256 total; }
contract DelegatecallInModifierV2 {
    uint256 total;
    modifier checked(address to) { Calls.into(to); _; }
    function run(address to) external checked(to) { total++; }
}

contract AllowedStatementV1 { uint256 total; }
contract AllowedStatementV2 {
    uint256 total;
    function run(address to) external {
        /// @custom:oz-upgrades-unsafe-allow delegatecall
        (bool done,) = to.delegatecall("");
        require(done);
    }
}

contract AllowedReachableV1 { uint256 total; }
contract AllowedReachableV2 {
    uint256 total;
    /// @custom:oz-upgrades-unsafe-allow-reachable delegatecall
    function run(address to) external { Calls.through(to); }
}

contract AllowedButNotReachableV1 { uint256 total; }
contract AllowedButNotReachableV2 {
    uint256 total;
    /// @custom:oz-upgrades-unsafe-allow delegatecall
    function run(address to) external { Calls.through(to); }
}

contract AllowedInLibraryV1 { uint256 total; }
contract AllowedInLibraryV2 { uint256 total; function run(address to) external { CallsAllowed.into(to); } }

contract AllowedElsewhereV1 { uint256 total; }
contract AllowedElsewhereV2 {
    uint256 total;
    /// @custom:oz-upgrades-unsafe-allow-reachable delegatecall
    function run(address to) external { go(to); }
    function go(address to) internal { Calls.into(to); }
}

contract SelfdestructV1 { uint256 total; }
contract SelfdestructV2 { uint256 total; function end(address payable to) external { selfdestruct(to); } }

contract SelfdestructOutsideV1 { uint256 total; }
contract SelfdestructOutsideV2 { uint256 total; function end(address payable to) external { if (total == 0) destroy(to); } }

contract SelfdestructInFallbackV1 { uint256 total; }
contract SelfdestructInFallbackV2 { uint256 total; fallback() external { selfdestruct(payable(msg.sender)); } }

contract AllowedSelfdestructV1 { uint256 total; }
contract AllowedSelfdestructV2 {
    uint256 total;
    /// @custom:oz-upgrades-unsafe-allow selfdestruct
    function end(address payable to) external { selfdestruct(to); }
}

contract InheritedSelfdestructV1 { uint256 total; }
contract Mortal { uint256 total; function end(address payable to) external { selfdestruct(to); } }
contract InheritedSelfdestructV2 is Mortal { }

contract AllowedInBaseV1 { uint256 total; }
/// @custom:oz-upgrades-unsafe-allow-reachable selfdestruct
contract AllowedInBaseV2 is Mortal { }

contract NotAllowedInBaseV1 { uint256 total; }
/// @custom:oz-upgrades-unsafe-allow selfdestruct
contract NotAllowedInBaseV2 is Mortal { }

contract OverriddenV1 { uint256 total; }
contract Replaced { uint256 total; function run(address to) external virtual { go(to); } function go(address to) internal { Calls.into(to); } }
contract OverriddenV2 is Replaced { function run(address to) external override { total = uint160(to); } }

contract AllowedByLibraryV1 { uint256 total; }
/// @custom:oz-upgrades-unsafe-allow-reachable delegatecall
library CallsOthers { function run(address to) internal { Calls.into(to); } }
contract AllowedByLibraryV2 { uint256 total; function run(address to) external { CallsOthers.run(to); } }

contract CalledWithGasV1 { uint256 total; }
contract CalledWithGasV2 { uint256 total; function stop(Mortal other) external { other.end{gas: 10000}(payable(msg.sender)); } }

contract InheritedButUnusedV1 { uint256 total; }
contract Quiet { uint256 total; function end(address payable to) internal { selfdestruct(to); } }
contract InheritedButUnusedV2 is Quiet { }

contract InheritedAndCalledV1 { uint256 total; }
contract InheritedAndCalledV2 is Quiet { function stop() external { end(payable(msg.sender)); } }

contract CalledByAnotherContractV1 { uint256 total; }
contract CalledByAnotherContractV2 { uint256 total; function stop(Mortal other) external { other.end(payable(msg.sender)); } }

contract FunctionPointerV1 { uint256 total; }
contract FunctionPointerV2 { uint256 total; function(uint256) internal returns (uint256) hook; }

contract FunctionPointerInStructV1 { uint256 total; }
contract FunctionPointerInStructV2 {
    struct Hook { uint256 at; function() internal call; }
    uint256 total;
    mapping(uint256 => Hook[]) hooks;
}

contract FunctionPointerInNamespaceV1 { uint256 total; }
contract FunctionPointerInNamespaceV2 {
    uint256 total;
    /// @custom:storage-location erc7201:example.hooks
    struct Hooks { function() internal call; }
}

contract FunctionPointerInMemoryV1 { uint256 total; }
contract FunctionPointerInMemoryV2 {
    struct Hook { function() internal call; }
    uint256 total;
    function run() external { Hook memory h; h.call = step; h.call(); }
    function step() internal { total++; }
}

contract LinkedV1 { uint256 total; }
contract LinkedV2 { uint256 total; function twice() external view returns (uint256) { return Linked.twice(total); } }

contract AllowedLinkV1 { uint256 total; }
/// @custom:oz-upgrades-unsafe-allow external-library-linking
contract AllowedLinkV2 { uint256 total; function twice() external view returns (uint256) { return Linked.twice(total); } }

contract InheritedLinkV1 { uint256 total; }
contract Linking { uint256 total; function twice() external view returns (uint256) { return Linked.twice(total); } }
contract InheritedLinkV2 is Linking { }

contract LinkedInCodeThatIsCalledV1 { uint256 total; }
contract LinkedInCodeThatIsCalledV2 is Linking { function more() external view returns (uint256) { return half(); } function half() internal view returns (uint256) { return Halves.half(total); } }
library Halves { function half(uint256 x) external pure returns (uint256) { return x / 2; } }

contract ManyV1 { uint256 total; }
contract ManyV2 {
    uint256 total = 1;
    uint256 immutable fee = 2;
    constructor() { total = 3; }
    function end(address payable to) external { (bool done,) = to.delegatecall(""); if (done) selfdestruct(to); }
}

contract StorageAndSafetyV1 { uint256 total; address owner; }
contract StorageAndSafetyV2 { address owner; uint256 total; constructor() { total = 1; } }

// Listed in the test: upgrades-core looks at Solidity alone.
contract AssemblyV1 { uint256 total; }
contract AssemblyV2 {
    uint256 total;
    function run(address to) external { assembly { pop(delegatecall(gas(), to, 0, 0, 0, 0)) } }
    function end(address to) external { assembly { function bye(x) { selfdestruct(x) } bye(to) } }
}

// Listed in the test: upgrades-core does not follow calls out of functions that are inherited.
contract ReachedThroughBaseV1 { uint256 total; }
contract Runner { uint256 total; function run(address to) external { go(to); } function go(address to) private { Calls.into(to); } }
contract ReachedThroughBaseV2 is Runner { }
