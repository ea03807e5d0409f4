// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Manifest, PageBuilder} from "../PageBuilder.sol";
import {AttackTest} from "./AttackTest.sol";
import {Bomb, Factory} from "./Attackers.sol";

/// @dev Attacks on what others pay, and on ether that is sent by mistake.
contract GriefingTest is AttackTest {
    using PageBuilder for Manifest;

    uint256 private constant GAS = 10_000_000;

    // ---- an empty account where a page belongs ----

    /// @dev A facet creates contracts for anybody, and a stranger has it create from the init code of a page.
    function squat(bytes memory initCode) private returns (Manifest memory m, bool created) {
        goLive(manifestOf(Factory.deploy.selector, address(new Factory())));
        m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        vm.prank(stranger);
        created = Factory(address(dispatcher)).deploy(m.routesRoot, initCode) != address(0);
    }

    function test_emptyPage_isNotCreated() public {
        (Manifest memory m, bool created) = squat(hex"6310eddfa75f525f5f6004601c335afa3d02601657fe5b3d5f5f3e3d5ff3");
        assertTrue(!created, "created");
        stage(m);
        warpBy(DELAY);
        activate();
        assertAnsweredBy(selectorOf(0), 0);
    }

    function test_emptyPage_succeedsInBarringARootWhenNoAnswerIsEnough() public {
        weaken("EmptyPages");
        (Manifest memory m, bool created) = squat(hex"6310eddfa75f525f5f6004601c335afa601457fe5b3d5f5f3e3d5ff3");
        assertTrue(created, "not created");
        assertEq(dispatcher.pageAddress(m.routesRoot, 0).code.length, 0, "empty");
        vm.expectRevert(abi.encodeWithSelector(PageNotStored.selector, m.routesRoot, 0));
        stagePage(m, 0, 0);
    }

    // ---- a page twice ----

    /// @dev Somebody stages a page first, so that the transaction of the other fails: that must not cost all of its gas.
    function stageTwice() private returns (uint256 first, uint256 second) {
        Manifest memory m = echoManifest(50, 1, 1);
        commit(m.routesRoot);
        bytes memory data = abi.encodeCall(dispatcher.applyRoutes, (m.pages[0], m.proof(0), 0));
        bool ok;
        (ok, first) = gasOf(data);
        assertTrue(ok, "first");
        (ok, second) = gasOf(data);
        assertTrue(!ok, "second");
    }

    function gasOf(bytes memory data) private returns (bool ok, uint256 used) {
        address to = address(dispatcher);
        vm.prank(applier);
        used = gasleft();
        (ok,) = to.call{gas: GAS}(data);
        used -= gasleft();
    }

    function test_pageTwice_isCheap() public {
        (uint256 first, uint256 second) = stageTwice();
        assertTrue(second < first / 10, "more than a tenth of the first");
    }

    function test_pageTwice_succeedsInBurningGasWhenNobodyLooksFirst() public {
        weaken("PageTwice");
        (, uint256 second) = stageTwice();
        assertTrue(second > GAS * 9 / 10, "burns what it was given");
    }

    // ---- a megabyte in return ----

    function goLiveWithBomb() private {
        Bomb bomb = new Bomb();
        goLive(manifestOf(bomb.burst.selector, address(bomb)));
    }

    /// @dev The caller pays for it, twice: the facet makes it and the dispatcher copies it. Nobody else is touched.
    function test_facetReturnsAMegabyte_isPaidByItsCaller() public {
        goLiveWithBomb();
        bytes memory state = abi.encode(dispatcher.dispatcherState());
        (bool ok,) = address(dispatcher).call{gas: 3_000_000}(abi.encodeCall(Bomb.burst, ()));
        assertTrue(!ok, "out of gas");
        assertEq(route(abi.encodeCall(Bomb.burst, ())).length, 1 << 20, "length");
        assertEq(abi.encode(dispatcher.dispatcherState()), state, "state");
    }

    function stageFailingInit() private returns (bytes32 routesRoot, address bomb, bytes memory data) {
        bomb = address(new Bomb());
        data = abi.encodeCall(Bomb.fail, ());
        (Manifest memory m,) = stageWithInit(bomb, bomb.codehash, data);
        return (m.routesRoot, bomb, data);
    }

    function test_initFailsWithAMegabyte_activatesNothing() public {
        (bytes32 routesRoot, address bomb, bytes memory data) = stageFailingInit();
        bytes memory state = abi.encode(dispatcher.dispatcherState());
        vm.prank(applier);
        (bool ok, bytes memory result) =
            address(dispatcher).call(abi.encodeCall(dispatcher.activateCommittedRootAndCall, (routesRoot, bomb, data)));
        assertTrue(!ok && result.length == 1 << 20, "refused with what the init said");
        assertEq(abi.encode(dispatcher.dispatcherState()), state, "state");
        assertUnrouted(selectorOf(0));
    }

    function test_initFailsWithAMegabyte_succeedsInBeingSkippedWhenItMayFail() public {
        weaken("InitMayFail");
        (bytes32 routesRoot, address bomb, bytes memory data) = stageFailingInit();
        activateWith(routesRoot, bomb, data);
        assertAnsweredBy(selectorOf(0), 0);
    }

    // ---- ether by mistake ----

    function sendEther() private returns (bool ok, bytes memory result) {
        vm.deal(stranger, 1 ether);
        vm.prank(stranger);
        return address(dispatcher).call{value: 1 ether}("");
    }

    function test_etherByMistake_isRefused() public {
        (bool ok, bytes memory result) = sendEther();
        assertTrue(!ok, "refused");
        assertEq(result, abi.encodeWithSelector(UnknownSelector.selector, bytes4(0)), "revert data");
        assertEq(stranger.balance, 1 ether, "what the sender has");
        vm.prank(stranger);
        (ok, result) = address(dispatcher).call{value: 1}(abi.encodeCall(dispatcher.pause, ()));
        assertTrue(!ok && result.length == 0, "functions take none");
    }

    function test_etherByMistake_succeedsInBeingLostWhenTransfersAreKept() public {
        weaken("KeepsEther");
        (bool ok,) = sendEther();
        assertTrue(ok, "accepted");
        assertEq(address(dispatcher).balance, TREASURE + 1 ether, "kept for good");
    }
}
