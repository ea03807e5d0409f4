// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";

contract SettingsTest is DispatcherTest {
    function setGrace(uint32 value) private {
        vm.prank(governor);
        dispatcher.setEtaGrace(value);
    }

    function setLimit(uint32 value) private {
        vm.prank(governor);
        dispatcher.setMaxBatchSize(value);
    }

    function testFuzz_etaGrace_keepsWhatIsInBounds(uint32 value) public {
        value = uint32(bound(value, 30, 300));
        vm.expectEmit(address(dispatcher));
        emit EtaGraceUpdated(value);
        setGrace(value);
        assertEq(dispatcher.etaGrace(), value, "grace");
    }

    function test_etaGrace_takesBothBounds() public {
        setGrace(30);
        assertEq(dispatcher.etaGrace(), 30, "least");
        setGrace(300);
        assertEq(dispatcher.etaGrace(), 300, "most");
    }

    function testFuzz_etaGrace_refusesWhatIsOutOfBounds(uint32 value) public {
        vm.assume(value < 30 || value > 300);
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, value, 30, 300));
        setGrace(value);
    }

    function test_etaGrace_refusesJustOutOfBounds() public {
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 29, 30, 300));
        setGrace(29);
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 301, 30, 300));
        setGrace(301);
    }

    function test_etaGrace_doesNotMoveAPendingEta() public {
        commit(keccak256("a root"));
        setGrace(30);
        assertEq(dispatcher.pendingEta(), START + DELAY, "eta");
        setGrace(300);
        assertEq(dispatcher.pendingEta(), START + DELAY, "eta");
    }

    function test_etaGrace_needsItsRole() public {
        vm.expectRevert(unauthorized(admin, GOVERNANCE_ROLE));
        vm.prank(admin);
        dispatcher.setEtaGrace(60);
    }

    function testFuzz_maxBatchSize_keepsWhatIsInBounds(uint32 value) public {
        value = uint32(bound(value, 10, 100));
        vm.expectEmit(address(dispatcher));
        emit MaxBatchSizeUpdated(value);
        setLimit(value);
        assertEq(dispatcher.maxBatchSize(), value, "limit");
    }

    function test_maxBatchSize_takesBothBounds() public {
        setLimit(10);
        assertEq(dispatcher.maxBatchSize(), 10, "least");
        setLimit(100);
        assertEq(dispatcher.maxBatchSize(), 100, "most");
    }

    function testFuzz_maxBatchSize_refusesWhatIsOutOfBounds(uint32 value) public {
        vm.assume(value < 10 || value > 100);
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, value, 10, 100));
        setLimit(value);
    }

    function test_maxBatchSize_refusesJustOutOfBounds() public {
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 9, 10, 100));
        setLimit(9);
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 101, 10, 100));
        setLimit(101);
    }

    function test_maxBatchSize_leavesTheRestOfTheStateWord() public {
        goLive(echoManifest(6, 2, 2));
        commit(keccak256("a root"));
        vm.prank(pauser);
        dispatcher.pause();
        bytes32 root = dispatcher.activeRoot();
        uint256 eta = dispatcher.pendingEta();
        setLimit(100);
        setLimit(10);
        assertEq(dispatcher.activeRoot(), root, "active root");
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
        assertEq(dispatcher.dispatcherState().activePages, 2, "pages");
        assertEq(dispatcher.pendingEta(), eta, "eta");
        assertEq(dispatcher.pendingBatchSize(), 50, "limit of the commitment");
        assertTrue(dispatcher.paused(), "paused");
        vm.prank(guardian);
        dispatcher.unpause();
        assertAnsweredBy(selectorOf(5), 1);
    }

    function test_maxBatchSize_outlastsActivation() public {
        setLimit(23);
        goLive(echoManifest(6, 2, 2));
        assertEq(dispatcher.maxBatchSize(), 23, "limit");
    }

    function test_maxBatchSize_needsItsRole() public {
        vm.expectRevert(unauthorized(admin, GOVERNANCE_ROLE));
        vm.prank(admin);
        dispatcher.setMaxBatchSize(60);
    }

    function test_settings_emitOneEventEach() public {
        vm.recordLogs();
        setGrace(60);
        setLimit(60);
        assertEq(vm.getRecordedLogs().length, 2, "events");
    }
}
