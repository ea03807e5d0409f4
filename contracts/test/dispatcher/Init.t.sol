// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Setup} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

contract InitTest is DispatcherTest {
    using PageBuilder for Manifest;

    Setup private init;

    function setUp() public override {
        super.setUp();
        init = new Setup();
    }

    /// @dev Commits and stages two Echo routes, and routes to what Setup wrote, with an init call.
    function stageWithInit(address init_, bytes memory data) private returns (Manifest memory m, bytes32 root) {
        Route[] memory echoes = echoRoutes(2, 1);
        Route[] memory routes = new Route[](5);
        (routes[0], routes[1]) = (echoes[0], echoes[1]);
        routes[2] = routeTo(init.value.selector, address(init));
        routes[3] = routeTo(init.caller.selector, address(init));
        routes[4] = routeTo(init.runs.selector, address(init));
        m = PageBuilder.build(routes, 2);
        bytes32 initHash = initHashOf(init_, data);
        root = rootWithInit(m.routesRoot, initHash);
        commit(root);
        stagePage(m, 0, initHash);
        stagePage(m, 1, initHash);
        warpBy(DELAY);
    }

    function activateWith(bytes32 routesRoot, address init_, bytes memory data) private {
        vm.prank(applier);
        dispatcher.activateCommittedRootAndCall(routesRoot, init_, data);
    }

    function written() private view returns (Setup) {
        return Setup(address(dispatcher));
    }

    // ---- it runs ----

    function test_init_runsByDelegatecall() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m,) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        assertEq(written().value(), 42, "value in the dispatcher's storage");
        assertEq(written().caller(), applier, "caller");
        assertEq(written().runs(), 1, "runs");
        assertEq(init.runs(), 0, "its own storage");
    }

    function test_init_activatesTheRoutes() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m, bytes32 root) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        assertAnsweredBy(selectorOf(0), 0);
        assertAnsweredBy(selectorOf(1), 0);
        assertEq(dispatcher.activeRoot(), root, "active root");
        assertEq(dispatcher.activeRoutesRoot(), m.routesRoot, "active routesRoot");
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
        assertEq(dispatcher.pendingRoot(), 0, "pending root");
    }

    function test_init_emitsActivatedAndInitCalled() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m, bytes32 root) = stageWithInit(address(init), data);
        vm.expectEmit(address(dispatcher));
        emit Activated(root, 1);
        vm.expectEmit(address(dispatcher));
        emit InitCalled(root, m.routesRoot, address(init));
        vm.recordLogs();
        activateWith(m.routesRoot, address(init), data);
        assertEq(vm.getRecordedLogs().length, 2, "events");
    }

    function test_init_appliedPagesNameThePendingRoot() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        Manifest memory m = echoManifest(3, 1, 1);
        bytes32 initHash = initHashOf(address(init), data);
        bytes32 root = rootWithInit(m.routesRoot, initHash);
        commit(root);
        vm.expectEmit(address(dispatcher));
        emit RoutesApplied(root, 3);
        stagePage(m, 0, initHash);
        assertEq(dispatcher.pageAddress(m.routesRoot, 0).code, m.pages[0], "page of the routesRoot");
    }

    function test_init_seesTheNewRoutes() public {
        bytes memory data = abi.encodeCall(init.ask, (abi.encodePacked(selectorOf(0))));
        (Manifest memory m,) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        assertEq(written().value(), 1, "the route answered while init ran");
    }

    function test_init_revertDataIsPassedOnAndNothingIsLive() public {
        bytes memory data = abi.encodeCall(init.fail, (7));
        (Manifest memory m, bytes32 root) = stageWithInit(address(init), data);
        vm.expectRevert(abi.encodeWithSelector(Setup.Failed.selector, 7));
        activateWith(m.routesRoot, address(init), data);
        assertUnrouted(selectorOf(0));
        assertEq(dispatcher.activeRoot(), 0, "active root");
        assertEq(dispatcher.pendingRoot(), root, "still pending");

        // the failed run does not count as one
        vm.expectRevert(abi.encodeWithSelector(Setup.Failed.selector, 7));
        activateWith(m.routesRoot, address(init), data);
    }

    function test_init_withEmptyDataIsStillACall() public {
        (Manifest memory m,) = stageWithInit(address(init), "");
        // Setup has no fallback
        vm.expectRevert(bytes(""));
        activateWith(m.routesRoot, address(init), "");
    }

    // ---- it is the one that the root names ----

    function test_init_refusesAnotherCall() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m, bytes32 root) = stageWithInit(address(init), data);
        address twin = address(new Setup());
        bytes memory mismatch = abi.encodeWithSelector(InitMismatch.selector, root);
        vm.expectRevert(mismatch);
        activateWith(m.routesRoot, address(init), abi.encodeCall(init.set, (43)));
        vm.expectRevert(mismatch);
        activateWith(m.routesRoot, twin, data);
        vm.expectRevert(mismatch);
        activateWith(root, address(init), data);
        vm.expectRevert(mismatch);
        activateWith(0, address(init), data);
    }

    function test_init_refusesOtherCodeThanAtCommit() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m, bytes32 root) = stageWithInit(address(init), data);
        vm.etch(address(init), bytes.concat(address(init).code, hex"00"));
        vm.expectRevert(abi.encodeWithSelector(InitMismatch.selector, root));
        activateWith(m.routesRoot, address(init), data);
    }

    function test_init_refusesForARootWithoutOne() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        stage(m);
        warpBy(DELAY);
        vm.expectRevert(abi.encodeWithSelector(InitMismatch.selector, m.routesRoot));
        activateWith(m.routesRoot, address(init), abi.encodeCall(init.set, (42)));
    }

    function test_init_pagesNeedItsHash() public {
        Manifest memory m = echoManifest(3, 1, 1);
        bytes32 initHash = initHashOf(address(init), "");
        bytes32 root = rootWithInit(m.routesRoot, initHash);
        commit(root);
        vm.expectRevert(abi.encodeWithSelector(InvalidProof.selector, root));
        stagePage(m, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(InvalidProof.selector, root));
        stagePage(m, 0, keccak256("another init"));
        stagePage(m, 0, initHash);
    }

    function test_init_cannotBeSkipped() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (, bytes32 root) = stageWithInit(address(init), data);
        vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, root, 0));
        activate();
    }

    // ---- what may be an init ----

    function assertInitRefused(address init_, bytes memory err) private {
        (Manifest memory m,) = stageWithInit(init_, "");
        vm.expectRevert(err);
        activateWith(m.routesRoot, init_, "");
    }

    function test_init_refusesAnAccountWithoutCode() public {
        assertInitRefused(stranger, abi.encodeWithSelector(CodeMissing.selector, stranger));
    }

    function test_init_refusesTheDispatcher() public {
        assertInitRefused(address(dispatcher), abi.encodeWithSelector(CodeForbidden.selector, address(dispatcher)));
    }

    function test_init_refusesADelegatedAccount() public {
        vm.etch(stranger, abi.encodePacked(hex"ef0100", address(init)));
        assertInitRefused(stranger, abi.encodeWithSelector(CodeForbidden.selector, stranger));
    }

    function test_init_refusesCodeThatBeginsWithZero() public {
        vm.etch(stranger, hex"00");
        assertInitRefused(stranger, abi.encodeWithSelector(CodeForbidden.selector, stranger));
    }

    // ---- once ----

    function test_init_isNotRunAgainInALaterEpoch() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m, bytes32 root) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        commit(root);
        warpBy(DELAY);
        vm.expectRevert(abi.encodeWithSelector(InitAlreadyRun.selector, root));
        activateWith(m.routesRoot, address(init), data);
        vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, root, 0));
        activate();
        assertEq(written().runs(), 1, "runs");
    }

    function test_init_isNotRunAgainAfterAnotherManifest() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m, bytes32 root) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        goLive(echoManifest(1, 1, 1));
        commit(root);
        warpBy(DELAY);
        vm.expectRevert(abi.encodeWithSelector(InitAlreadyRun.selector, root));
        activateWith(m.routesRoot, address(init), data);
    }

    function test_init_returnToItsRoutesNeedsNeitherInitNorApply() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m,) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        goLive(echoManifest(1, 1, 1));
        assertUnrouted(init.runs.selector);

        commit(m.routesRoot);
        warpBy(DELAY);
        activate();
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
        assertEq(dispatcher.activeRoutesRoot(), m.routesRoot, "active routesRoot");
        assertEq(dispatcher.activeEpoch(), 3, "active epoch");
        assertEq(written().runs(), 1, "runs");
    }

    function test_init_ofOtherDataOverTheSameRoutesNeedsNoApply() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m,) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        bytes memory next = abi.encodeCall(init.set, (43));
        bytes32 root = rootWithInit(m.routesRoot, initHashOf(address(init), next));
        commit(root);
        warpBy(DELAY);
        activateWith(m.routesRoot, address(init), next);
        assertEq(written().value(), 43, "value");
        assertEq(written().runs(), 2, "runs");
        assertEq(dispatcher.activeRoot(), root, "active root");
        assertEq(dispatcher.activeRoutesRoot(), m.routesRoot, "active routesRoot");
    }

    // ---- reentrancy ----

    /// @dev Even a dispatcher that holds each role gains nothing by calling itself from init.
    function test_init_reentrancyFindsTheCommitmentConsumed() public {
        grantAllRolesToTheDispatcher();
        bytes memory data = abi.encodeCall(init.enter, (abi.encodeCall(dispatcher.activateCommittedRoot, ())));
        (Manifest memory m,) = stageWithInit(address(init), data);
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        activateWith(m.routesRoot, address(init), data);

        // a new commitment from init has the next epoch and a whole delay
        data = abi.encodeCall(init.enter, (abi.encodeCall(dispatcher.commitRoot, (keccak256("next"), 2))));
        (m,) = stageWithInit(address(init), data);
        activateWith(m.routesRoot, address(init), data);
        assertEq(dispatcher.pendingEta(), vm.getBlockTimestamp() + DELAY, "eta");
        assertEq(dispatcher.pendingEpoch(), 2, "pending epoch");
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
    }

    function test_init_reentrancyHasNoRoleOfTheCaller() public {
        bytes memory data = abi.encodeCall(init.enter, (abi.encodeCall(dispatcher.commitRoot, (keccak256("next"), 2))));
        (Manifest memory m,) = stageWithInit(address(init), data);
        vm.expectRevert(unauthorized(address(dispatcher), COMMIT_ROLE));
        activateWith(m.routesRoot, address(init), data);
    }

    function grantAllRolesToTheDispatcher() private {
        bytes32[6] memory roles = [ADMIN_ROLE, GOVERNANCE_ROLE, COMMIT_ROLE, APPLY_ROLE, PAUSER_ROLE, EMERGENCY_ROLE];
        for (uint256 i = 0; i < 6; ++i) {
            grant(roles[i], address(dispatcher));
        }
    }

    // ---- when and who ----

    function test_init_refusesOutsideItsTime() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m,) = stageWithInit(address(init), data);
        uint256 eta = dispatcher.pendingEta();
        vm.warp(eta - 1);
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, eta, eta - 1));
        activateWith(m.routesRoot, address(init), data);
        vm.warp(eta + WINDOW + 1);
        vm.expectRevert(abi.encodeWithSelector(ManifestExpired.selector, eta + WINDOW, eta + WINDOW + 1));
        activateWith(m.routesRoot, address(init), data);
        vm.warp(eta + WINDOW);
        activateWith(m.routesRoot, address(init), data);
    }

    function test_init_refusesWithAPageMissing() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        Manifest memory m = echoManifest(9, 1, 2);
        bytes32 initHash = initHashOf(address(init), data);
        commit(rootWithInit(m.routesRoot, initHash));
        stagePage(m, 0, initHash);
        warpBy(DELAY);
        vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, m.routesRoot, 1));
        activateWith(m.routesRoot, address(init), data);
    }

    function test_init_refusesWithNothingPending() public {
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        activateWith(keccak256("routes"), address(init), "");
    }

    function test_init_needsItsRole() public {
        bytes memory data = abi.encodeCall(init.set, (42));
        (Manifest memory m,) = stageWithInit(address(init), data);
        vm.expectRevert(unauthorized(stranger, APPLY_ROLE));
        vm.prank(stranger);
        dispatcher.activateCommittedRootAndCall(m.routesRoot, address(init), data);
    }
}
