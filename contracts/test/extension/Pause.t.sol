// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Setup} from "../Facets.sol";
import {Manifest} from "../PageBuilder.sol";

contract PauseTest is DispatcherTest {
    function pauseBy(address who) private {
        vm.prank(who);
        dispatcher.pause();
    }

    function assertStopped(bytes4 selector) private {
        assertRefused(abi.encodePacked(selector), abi.encodeWithSelector(DispatcherPaused.selector));
    }

    function test_pause_stopsEachRoutedCall() public {
        goLive(echoManifest(12, 3, 2));
        vm.expectEmit(address(dispatcher));
        emit PausedSet(true, pauser);
        vm.recordLogs();
        pauseBy(pauser);
        assertEq(vm.getRecordedLogs().length, 1, "events");
        assertTrue(dispatcher.paused(), "paused");
        for (uint256 i = 0; i < 12; ++i) {
            assertStopped(selectorOf(i));
        }
    }

    function test_pause_byTheEmergencyRole() public {
        vm.expectEmit(address(dispatcher));
        emit PausedSet(true, guardian);
        pauseBy(guardian);
        assertTrue(dispatcher.paused(), "paused");
    }

    function test_pause_needsOneOfItsRoles() public {
        vm.expectRevert(unauthorized(governor, PAUSER_ROLE));
        pauseBy(governor);
    }

    function test_pause_refusesWhenPaused() public {
        pauseBy(pauser);
        vm.expectRevert(abi.encodeWithSelector(PauseUnchanged.selector, true));
        pauseBy(pauser);
    }

    function test_pause_unknownSelectorsAreStillUnknown() public {
        goLive(echoManifest(2, 1, 1));
        pauseBy(pauser);
        assertUnrouted(selectorOf(1000));
    }

    function test_unpause_resumesRoutedCalls() public {
        goLive(echoManifest(12, 3, 2));
        pauseBy(pauser);
        vm.expectEmit(address(dispatcher));
        emit PausedSet(false, guardian);
        vm.prank(guardian);
        dispatcher.unpause();
        assertTrue(!dispatcher.paused(), "paused");
        for (uint256 i = 0; i < 12; ++i) {
            assertAnsweredBy(selectorOf(i), i % 3);
        }
    }

    function test_unpause_needsItsRole() public {
        pauseBy(pauser);
        vm.expectRevert(unauthorized(pauser, EMERGENCY_ROLE));
        vm.prank(pauser);
        dispatcher.unpause();
    }

    function test_unpause_refusesWhenNotPaused() public {
        vm.expectRevert(abi.encodeWithSelector(PauseUnchanged.selector, false));
        vm.prank(guardian);
        dispatcher.unpause();
    }

    // ---- a paused dispatcher can be cured ----

    function test_pause_leavesCommitApplyAndActivate() public {
        goLive(echoManifest(2, 1, 1));
        pauseBy(pauser);
        Manifest memory m = echoManifest(8, 2, 2);
        goLive(m);
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
        assertTrue(dispatcher.paused(), "activation does not resume");
        assertStopped(selectorOf(7));

        vm.prank(guardian);
        dispatcher.unpause();
        assertAnsweredBy(selectorOf(7), 1);
    }

    function test_pause_leavesInit() public {
        pauseBy(pauser);
        Setup init = new Setup();
        bytes memory data = abi.encodeCall(init.set, (42));
        Manifest memory m = manifestOf(init.value.selector, address(init));
        bytes32 initHash = initHashOf(address(init), data);
        commit(rootWithInit(m.routesRoot, initHash));
        stagePage(m, 0, initHash);
        warpBy(DELAY);
        vm.prank(applier);
        dispatcher.activateCommittedRootAndCall(m.routesRoot, address(init), data);
        assertEq(uint256(vm.load(address(dispatcher), 0)), 42, "init ran");
        assertStopped(init.value.selector);
    }

    function test_pause_leavesCancelSettingsAndRoles() public {
        commit(keccak256("a root"));
        pauseBy(pauser);
        vm.prank(guardian);
        dispatcher.cancelCommit();
        assertEq(dispatcher.pendingRoot(), 0, "cancelled");
        vm.prank(governor);
        dispatcher.setEtaGrace(77);
        assertEq(dispatcher.etaGrace(), 77, "grace");
        vm.prank(governor);
        dispatcher.setMaxBatchSize(33);
        assertEq(dispatcher.maxBatchSize(), 33, "limit");
        grant(PAUSER_ROLE, stranger);
        assertTrue(dispatcher.hasRole(PAUSER_ROLE, stranger), "granted");
        assertTrue(dispatcher.paused(), "still paused");
    }

    function test_pause_leavesViewsAndLoupe() public {
        Manifest memory m = echoManifest(12, 3, 2);
        goLive(m);
        pauseBy(pauser);
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
        assertEq(dispatcher.facetAddresses().length, 3, "facets");
        assertTrue(dispatcher.facetAddress(selectorOf(3)) != address(0), "facetAddress");
        assertEq(dispatcher.delay(), DELAY, "delay");
        assertTrue(dispatcher.dispatcherState().paused, "paused in the state");
    }

    function test_pause_leavesThePendingCommitmentAsItIs() public {
        commit(keccak256("a root"));
        pauseBy(pauser);
        assertEq(dispatcher.pendingRoot(), keccak256("a root"), "pending root");
        assertEq(dispatcher.pendingEta(), START + DELAY, "eta");
        assertEq(dispatcher.pendingBatchSize(), 50, "limit of the commitment");
        vm.prank(guardian);
        dispatcher.unpause();
        assertEq(dispatcher.pendingEta(), START + DELAY, "eta");
    }
}
