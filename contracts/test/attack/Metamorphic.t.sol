// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";
import {AttackTest} from "./AttackTest.sol";
import {Metamorph} from "./Attackers.sol";

/// @dev A facet, or an init, that is there with its pinned code only in the transactions in which the dispatcher looks.
/// A contract is destroyed when its transaction ends, so an attack is a list of transactions, which forge runs first.
contract MetamorphicTest is AttackTest {
    using PageBuilder for Manifest;

    bytes32 private constant HONEST_HASH = keccak256(hex"366006575fff5b60015f5260205ff3");
    bytes private constant INIT_DATA = hex"01";

    Metamorph private metamorph;
    address private home;
    Manifest private m;
    bytes32 private root;

    function setUp() public override {
        super.setUp();
        metamorph = new Metamorph();
        home = metamorph.home();
    }

    /// @dev What forge runs before a test, each entry as a transaction.
    function beforeTestSetup(bytes4 test) public view returns (bytes[] memory) {
        if (test == this.test_metamorphicFacetAfterApply_isRefused.selector) {
            return attack("", this.stageHonest.selector, 0);
        }
        if (test == this.test_metamorphicFacetAfterApply_succeedsWhenActivationDoesNotLook.selector) {
            return attack("NoCodeCheckAtActivation", this.stageHonest.selector, 0);
        }
        if (test == this.test_metamorphicFacetAfterActivation_isRefused.selector) {
            return attack("", this.stageHonest.selector, this.activateHonest.selector);
        }
        if (test == this.test_metamorphicFacetAfterActivation_succeedsWhenCallsDoNotLook.selector) {
            return attack("NoCodeGate", this.stageHonest.selector, this.activateHonest.selector);
        }
        if (test == this.test_metamorphicInit_isRefused.selector) {
            return attack("", this.commitHonestInit.selector, 0);
        }
        return attack("AnyInit", this.commitHonestInit.selector, 0);
    }

    function attack(string memory weakness, bytes4 step, bytes4 next) private view returns (bytes[] memory steps) {
        steps = new bytes[](next == 0 ? 3 : 4);
        steps[0] = abi.encodeCall(this.choose, (weakness));
        steps[1] = abi.encodePacked(step);
        if (next != 0) steps[2] = abi.encodePacked(next);
        steps[steps.length - 1] = abi.encodePacked(this.bringThief.selector);
    }

    // ---- the transactions ----

    function choose(string calldata weakness) external {
        if (bytes(weakness).length != 0) weaken(weakness);
        grant(COMMIT_ROLE, address(metamorph));
        grant(APPLY_ROLE, address(metamorph));
    }

    /// @dev What works before the attack goes on until an activation.
    function stageHonest() external {
        goLive(echoManifest(1, 1, 1));
        Route[] memory routes = new Route[](1);
        routes[0] = Route(selectorOf(0), home, HONEST_HASH);
        m = PageBuilder.build(routes, 1);
        commit(m.routesRoot);
        metamorph.showHonest(address(dispatcher), abi.encodeCall(dispatcher.applyRoutes, (m.pages[0], m.proof(0), 0)));
    }

    function activateHonest() external {
        assertEq(home.code.length, 0, "destroyed after apply");
        vm.warp(dispatcher.pendingEta());
        metamorph.showHonest(address(dispatcher), abi.encodeCall(dispatcher.activateCommittedRoot, ()));
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
    }

    /// @dev The root names the hash of the code that is there when it is committed.
    function commitHonestInit() external {
        m = echoManifest(1, 1, 1);
        bytes32 initHash = keccak256(abi.encode(home, HONEST_HASH, keccak256(INIT_DATA)));
        root = rootWithInit(m.routesRoot, initHash);
        metamorph.showHonest(address(dispatcher), abi.encodeCall(dispatcher.commitRoot, (root, 1)));
        stagePage(m, 0, initHash);
    }

    function bringThief() external {
        assertEq(home.code.length, 0, "destroyed");
        metamorph.become(thiefCode());
    }

    // ---- other code after apply ----

    function mismatch() private view returns (bytes memory) {
        assertTrue(home.code.length != 0 && home.codehash != HONEST_HASH, "other code at the same address");
        return abi.encodeWithSelector(CodehashMismatch.selector, selectorOf(0), HONEST_HASH, home.codehash);
    }

    function test_metamorphicFacetAfterApply_isRefused() public {
        vm.warp(dispatcher.pendingEta());
        vm.expectRevert(mismatch());
        activate();
        assertAnsweredBy(selectorOf(0), 0);
    }

    /// @dev The gate still stands before the thief; what worked is gone all the same.
    function test_metamorphicFacetAfterApply_succeedsWhenActivationDoesNotLook() public {
        vm.warp(dispatcher.pendingEta());
        activate();
        assertRefused(abi.encodePacked(selectorOf(0)), mismatch());
    }

    // ---- other code after activation ----

    function test_metamorphicFacetAfterActivation_isRefused() public {
        assertRefused(abi.encodePacked(selectorOf(0)), mismatch());
        assertNotRobbed();
    }

    function test_metamorphicFacetAfterActivation_succeedsWhenCallsDoNotLook() public {
        route(abi.encodePacked(selectorOf(0)));
        assertRobbed();
    }

    // ---- an init that changes after commit ----

    function test_metamorphicInit_isRefused() public {
        vm.warp(dispatcher.pendingEta());
        vm.expectRevert(abi.encodeWithSelector(InitMismatch.selector, root));
        activateWith(m.routesRoot, home, INIT_DATA);
        assertNotRobbed();
    }

    function test_metamorphicInit_succeedsWhenAnyInitWillDo() public {
        vm.warp(dispatcher.pendingEta());
        activateWith(m.routesRoot, home, INIT_DATA);
        assertRobbed();
    }
}
