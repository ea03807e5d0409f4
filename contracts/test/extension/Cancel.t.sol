// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Manifest} from "../PageBuilder.sol";

contract CancelTest is DispatcherTest {
    bytes32 private constant ROOT = keccak256("a root");

    function cancel() private {
        vm.prank(guardian);
        dispatcher.cancelCommit();
    }

    function test_cancel_takesThePendingRootBack() public {
        commit(ROOT);
        vm.expectEmit(address(dispatcher));
        emit Cancelled(ROOT, 1, guardian);
        vm.recordLogs();
        cancel();
        assertEq(vm.getRecordedLogs().length, 1, "events");
        assertEq(dispatcher.pendingRoot(), 0, "pending root");
        assertEq(dispatcher.pendingEpoch(), 0, "pending epoch");
        assertEq(dispatcher.pendingEta(), 0, "eta");
        assertEq(dispatcher.pendingBatchSize(), 0, "limit of the commitment");
        assertEq(dispatcher.maxBatchSize(), 50, "limit");
    }

    function test_cancel_atEtaStopsActivation() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        stage(m);
        warpBy(DELAY);
        cancel();
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        activate();
        assertUnrouted(selectorOf(0));
    }

    function test_cancel_ofAnExpiredCommitment() public {
        commit(ROOT);
        warpBy(DELAY + WINDOW + 1);
        vm.expectEmit(address(dispatcher));
        emit Cancelled(ROOT, 1, guardian);
        cancel();
        assertEq(dispatcher.pendingRoot(), 0, "pending root");
    }

    function test_cancel_leavesTheLiveManifest() public {
        Manifest memory m = echoManifest(6, 2, 2);
        goLive(m);
        commit(ROOT);
        vm.expectEmit(address(dispatcher));
        emit Cancelled(ROOT, 2, guardian);
        cancel();
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
        assertEq(dispatcher.dispatcherState().activePages, 2, "pages");
        assertAnsweredBy(selectorOf(5), 1);
    }

    function test_cancel_doesNotUseTheEpochUp() public {
        commit(ROOT);
        cancel();
        commit(ROOT);
        assertEq(dispatcher.pendingEpoch(), 1, "pending epoch");
    }

    function test_cancel_refusesWithNothingPending() public {
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        cancel();
        commit(ROOT);
        cancel();
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        cancel();
    }

    function test_cancel_needsItsRole() public {
        commit(ROOT);
        vm.expectRevert(unauthorized(pauser, EMERGENCY_ROLE));
        vm.prank(pauser);
        dispatcher.cancelCommit();
    }
}
