// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Manifest} from "../PageBuilder.sol";

contract CommitTest is DispatcherTest {
    bytes32 private constant ROOT = keccak256("a root");
    bytes32 private constant OTHER = keccak256("another root");

    function test_commit_isPendingFromNowOn() public {
        vm.expectEmit(address(dispatcher));
        emit Committed(ROOT, 1, START + DELAY);
        commit(ROOT);

        assertEq(dispatcher.pendingRoot(), ROOT, "pending root");
        assertEq(dispatcher.pendingEpoch(), 1, "pending epoch");
        assertEq(dispatcher.pendingEta(), START + DELAY, "eta");
        assertEq(dispatcher.pendingBatchSize(), 50, "batch limit");
        assertEq(dispatcher.activeRoot(), 0, "active root");
        assertEq(dispatcher.activeEpoch(), 0, "active epoch");
    }

    function test_commit_emitsOneEvent() public {
        vm.recordLogs();
        commit(ROOT);
        assertEq(vm.getRecordedLogs().length, 1, "events");
    }

    function test_commit_refusesZeroRoot() public {
        vm.expectRevert(abi.encodeWithSelector(ZeroRoot.selector));
        vm.prank(committer);
        dispatcher.commitRoot(0, 1);
    }

    function testFuzz_commit_refusesEveryEpochButTheNext(uint64 epoch) public {
        vm.assume(epoch != 1);
        vm.expectRevert(abi.encodeWithSelector(WrongEpoch.selector, epoch, 1));
        vm.prank(committer);
        dispatcher.commitRoot(ROOT, epoch);
    }

    function test_commit_refusesTheEpochThatWasActivated() public {
        goLive(echoManifest(1, 1, 1));
        vm.expectRevert(abi.encodeWithSelector(WrongEpoch.selector, 1, 2));
        vm.prank(committer);
        dispatcher.commitRoot(ROOT, 1);
    }

    function test_commit_refusesThePendingRoot() public {
        commit(ROOT);
        warpBy(1);
        vm.expectRevert(abi.encodeWithSelector(AlreadyPending.selector, ROOT));
        vm.prank(committer);
        dispatcher.commitRoot(ROOT, 1);
        assertEq(dispatcher.pendingEta(), START + DELAY, "eta");
    }

    function test_commit_refusesThePendingRootUntilItsDeadline() public {
        commit(ROOT);
        vm.warp(START + DELAY + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(AlreadyPending.selector, ROOT));
        vm.prank(committer);
        dispatcher.commitRoot(ROOT, 1);
    }

    function test_commit_takesAnExpiredRootAgain() public {
        commit(ROOT);
        uint256 late = START + DELAY + WINDOW + 1;
        vm.warp(late);
        vm.expectEmit(address(dispatcher));
        emit Committed(ROOT, 1, late + DELAY);
        commit(ROOT);
        assertEq(dispatcher.pendingEta(), late + DELAY, "eta");
    }

    function test_commit_ofAnotherRootReplacesAndRestartsTheClock() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        stage(m);
        vm.warp(START + DELAY - 1);
        vm.expectEmit(address(dispatcher));
        emit Committed(OTHER, 1, START + 2 * DELAY - 1);
        commit(OTHER);
        assertEq(dispatcher.pendingRoot(), OTHER, "pending root");

        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, START + 2 * DELAY - 1, START + DELAY));
        activate();
        vm.warp(START + 2 * DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, OTHER, 0));
        activate();
    }

    function test_commit_backAndForthRestartsTheClockEachTime() public {
        commit(ROOT);
        warpBy(10);
        commit(OTHER);
        warpBy(10);
        commit(ROOT);
        assertEq(dispatcher.pendingRoot(), ROOT, "pending root");
        assertEq(dispatcher.pendingEta(), START + 20 + DELAY, "eta");
    }

    function test_commit_afterCancelTakesTheSameRootWithAFullDelay() public {
        commit(ROOT);
        warpBy(DELAY);
        vm.prank(guardian);
        dispatcher.cancelCommit();
        commit(ROOT);
        assertEq(dispatcher.pendingEta(), START + 2 * DELAY, "eta");
    }

    function test_commit_takesTheLiveRoot() public {
        Manifest memory m = echoManifest(3, 1, 1);
        goLive(m);
        commit(m.routesRoot);
        assertEq(dispatcher.pendingRoot(), m.routesRoot, "pending root");
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
        assertEq(dispatcher.pendingEpoch(), 2, "pending epoch");
    }

    function test_commit_leavesTheLiveManifestAlone() public {
        Manifest memory m = echoManifest(3, 2, 1);
        goLive(m);
        commit(ROOT);
        commit(OTHER);
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
        assertAnsweredBy(selectorOf(1), 1);
    }

    function test_commit_remembersTheBatchLimitOfItsTime() public {
        vm.prank(governor);
        dispatcher.setMaxBatchSize(77);
        commit(ROOT);
        vm.prank(governor);
        dispatcher.setMaxBatchSize(10);
        assertEq(dispatcher.pendingBatchSize(), 77, "limit of the commitment");
        assertEq(dispatcher.maxBatchSize(), 10, "limit of the next");

        commit(OTHER);
        assertEq(dispatcher.pendingBatchSize(), 10, "limit of the replacement");
    }

    function test_commit_needsItsRole() public {
        vm.expectRevert(unauthorized(stranger, COMMIT_ROLE));
        vm.prank(stranger);
        dispatcher.commitRoot(ROOT, 1);
    }

    function testFuzz_commit_etaIsTheDelayAfterNow(uint256 wait, uint32 grace) public {
        wait = bound(wait, 0, 1000 days);
        warpBy(wait);
        vm.prank(governor);
        dispatcher.setEtaGrace(uint32(bound(grace, 30, 300)));
        commit(ROOT);
        assertEq(dispatcher.pendingEta(), START + wait + DELAY, "eta");
    }

    /// @dev A network may begin its time at zero.
    function test_commit_againAfterACancelWithinTheFirstDays() public {
        vm.warp(1);
        commit(ROOT);
        vm.prank(guardian);
        dispatcher.cancelCommit();
        vm.warp(14 days);
        commit(ROOT);
        assertEq(dispatcher.pendingRoot(), ROOT, "pending");
    }
}
