// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

abstract contract Initializable {
    modifier initializer() { _; }
    modifier onlyInitializing() { _; }
    modifier reinitializer(uint64) { _; }
}
contract Owned is Initializable { address owner; function __Owned_init() internal onlyInitializing { owner = msg.sender; } }
contract Named is Initializable { string name; function __Named_init() internal onlyInitializing { name = "vault"; } }
contract Empty is Initializable { uint256 spare; function __Empty_init() internal onlyInitializing { } }
contract Governed is Owned { uint256 since; function __Governed_init() internal onlyInitializing { __Owned_init(); since = 1; } }
contract Ready is Initializable { uint256 at; function initialize() public virtual initializer { at = 1; } }

contract GoodV1 is Owned, Named { }
contract GoodV2 is Owned, Named { function initialize() external initializer { __Owned_init(); __Named_init(); } }

contract GoodThroughAnotherV1 is Governed { }
contract GoodThroughAnotherV2 is Governed { function initialize() external initializer { __Governed_init(); } }

contract GoodThroughHelperV1 is Owned { }
contract GoodThroughHelperV2 is Owned { function initialize() external initializer { setUp(); } function setUp() private { __Owned_init(); } }

contract GoodByNameV1 is Owned { }
contract GoodByNameV2 is Owned { function initialize(uint256) external { __Owned_init(); } }

contract GoodByAnnotationV1 is Owned { }
contract GoodByAnnotationV2 is Owned {
    /// @custom:oz-upgrades-validate-as-initializer
    function begin() external { __Owned_init(); }
}

contract InheritsInitializerV1 is Ready { }
contract InheritsInitializerV2 is Ready { function version() external pure returns (uint256) { return 2; } }

contract OverridesInitializerV1 is Ready { }
contract OverridesInitializerV2 is Ready { function initialize() public override initializer { super.initialize(); } }

contract NothingToDoV1 is Empty { }
contract NothingToDoV2 is Empty { function version() external pure returns (uint256) { return 2; } }

contract Begun is Initializable { uint256 at; function begin() external initializer { at = 1; } }
contract ExternalOfBaseV1 is Begun { }
contract ExternalOfBaseV2 is Begun { function initialize() external initializer { at = 2; } }

abstract contract Unfinished is Owned { uint256 since; function __Unfinished_init() internal onlyInitializing { since = 1; } }
contract AbstractBaseV1 is Unfinished { }
contract AbstractBaseV2 is Unfinished { function initialize() external initializer { __Owned_init(); __Unfinished_init(); } }

contract TwiceInOneStatementV1 is Owned { }
contract TwiceInOneStatementV2 is Owned {
    function initialize() external initializer { setUp(); }
    function setUp() private { __Owned_init(); again(); }
    function again() private { __Owned_init(); }
}

contract UnchainedV1 is Owned, Named { }
contract UnchainedV2 is Owned, Named {
    function initialize() external initializer { __Owned_init(); __Named_init(); __Unchained_init_unchained(); }
    function __Unchained_init_unchained() internal onlyInitializing { }
}

contract MissingV1 is Owned { }
contract MissingV2 is Owned { function version() external pure returns (uint256) { return 2; } }

contract MissingOfTwoV1 is Ready, Named { }
contract MissingOfTwoV2 is Ready, Named { }

contract MissingSincePrivateV1 is Owned { }
contract MissingSincePrivateV2 is Owned { function initialize() private { __Owned_init(); } function go() external { initialize(); } }

contract MissingSinceReinitializerV1 is Owned { }
contract MissingSinceReinitializerV2 is Owned { function upgrade2() external reinitializer(2) { __Owned_init(); } }

contract AllowedMissingV1 is Owned { }
/// @custom:oz-upgrades-unsafe-allow missing-initializer
contract AllowedMissingV2 is Owned { }

contract MissingCallV1 is Owned, Named { }
contract MissingCallV2 is Owned, Named { function initialize() external initializer { __Owned_init(); } }

contract MissingCallInBranchV1 is Owned { }
contract MissingCallInBranchV2 is Owned { function initialize(bool yes) external initializer { if (yes) __Owned_init(); } }

contract MissingCallOfOverrideV1 is Ready { }
contract MissingCallOfOverrideV2 is Ready { function initialize() public override initializer { at = 2; } }

contract MissingCallInBaseV1 is Owned { uint256 since; }
contract Careless is Owned { uint256 since; function __Careless_init() internal onlyInitializing { since = 1; } }
contract MissingCallInBaseV2 is Careless { function initialize() external initializer { __Owned_init(); __Careless_init(); } }

contract MissingCallInAnnotatedV1 is Owned { }
contract MissingCallInAnnotatedV2 is Owned {
    /// @custom:oz-upgrades-validate-as-initializer
    function upgrade2() external reinitializer(2) { }
}

contract AllowedMissingCallV1 is Owned { }
contract AllowedMissingCallV2 is Owned {
    /// @custom:oz-upgrades-unsafe-allow missing-initializer-call
    function initialize() external initializer { }
}

contract TwiceV1 is Owned { }
contract TwiceV2 is Owned { function initialize() external initializer { __Owned_init(); __Owned_init(); } }

contract TwiceThroughAnotherV1 is Governed { }
contract TwiceThroughAnotherV2 is Governed { function initialize() external initializer { __Owned_init(); __Governed_init(); } }

contract TwiceThroughHelperV1 is Owned { }
contract TwiceThroughHelperV2 is Owned {
    function initialize() external initializer { setUp(); setUp(); }
    function setUp() private { __Owned_init(); }
}

contract AllowedTwiceV1 is Owned { }
/// @custom:oz-upgrades-unsafe-allow duplicate-initializer-call
contract AllowedTwiceV2 is Owned { function initialize() external initializer { __Owned_init(); __Owned_init(); } }

contract OrderV1 is Owned, Named { }
contract OrderV2 is Owned, Named { function initialize() external initializer { __Named_init(); __Owned_init(); } }

contract OrderOfThreeV1 is Owned, Named, Ready { }
contract OrderOfThreeV2 is Owned, Named, Ready {
    function initialize() public override initializer { __Owned_init(); super.initialize(); __Named_init(); }
}

contract OrderAndMissingV1 is Owned, Named { }
contract OrderAndMissingV2 is Owned, Named { function initialize() external initializer { __Named_init(); } }

contract AllowedOrderV1 is Owned, Named { }
contract AllowedOrderV2 is Owned, Named {
    /// @custom:oz-upgrades-unsafe-allow incorrect-initializer-order
    function initialize() external initializer { __Named_init(); __Owned_init(); }
}

// Listed in the test: upgrades-core forgets that the third calls the second, since the second calls the first.
contract Chained is Governed { function initialize() public initializer { __Governed_init(); } }
contract InheritsChainV1 is Chained { }
contract InheritsChainV2 is Chained { function version() external pure returns (uint256) { return 2; } }
