// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Echo} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

contract ActivateTest is DispatcherTest {
    using PageBuilder for Manifest;

    uint256 private constant ETA = START + DELAY;
    uint256 private constant DEADLINE = ETA + WINDOW;

    function staged(uint256 n, uint256 m_, uint256 pages) private returns (Manifest memory m) {
        m = echoManifest(n, m_, pages);
        commit(m.routesRoot);
        stage(m);
    }

    function test_activate_makesEachRouteLive() public {
        Manifest memory m = staged(24, 5, 3);
        vm.warp(ETA);
        vm.expectEmit(address(dispatcher));
        emit Activated(m.routesRoot, 1);
        vm.recordLogs();
        activate();
        assertEq(vm.getRecordedLogs().length, 1, "events");
        for (uint256 i = 0; i < 24; ++i) {
            assertAnsweredBy(selectorOf(i), i % 5);
        }
        assertEq(dispatcher.activeRoot(), m.routesRoot, "active root");
        assertEq(dispatcher.activeRoutesRoot(), m.routesRoot, "active routesRoot");
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
    }

    function test_activate_consumesTheCommitment() public {
        staged(3, 1, 1);
        vm.warp(ETA);
        activate();
        assertEq(dispatcher.pendingRoot(), 0, "pending root");
        assertEq(dispatcher.pendingEpoch(), 0, "pending epoch");
        assertEq(dispatcher.pendingEta(), 0, "eta");
        assertEq(dispatcher.pendingBatchSize(), 0, "limit of the commitment");
        assertEq(dispatcher.maxBatchSize(), 50, "limit");
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        activate();
    }

    // ---- time ----

    function testFuzz_activate_refusesBeforeEta(uint256 early) public {
        staged(3, 1, 1);
        uint256 now_ = bound(early, START, ETA - 1);
        vm.warp(now_);
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, ETA, now_));
        activate();
    }

    function test_activate_refusesOneSecondBeforeEta() public {
        staged(3, 1, 1);
        vm.warp(ETA - 1);
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, ETA, ETA - 1));
        activate();
        assertUnrouted(selectorOf(0));
    }

    function test_activate_atEta() public {
        staged(3, 1, 1);
        vm.warp(ETA);
        activate();
        assertAnsweredBy(selectorOf(0), 0);
    }

    function test_activate_atTheDeadline() public {
        staged(3, 1, 1);
        vm.warp(DEADLINE);
        activate();
        assertAnsweredBy(selectorOf(0), 0);
    }

    function test_activate_refusesOneSecondAfterTheDeadline() public {
        staged(3, 1, 1);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(ManifestExpired.selector, DEADLINE, DEADLINE + 1));
        activate();
    }

    /// @dev The grace is for the executor; the contract does not add it to the delay, nor take it off.
    function test_activate_graceMovesNothing() public {
        staged(3, 1, 1);
        vm.prank(governor);
        dispatcher.setEtaGrace(300);
        vm.warp(ETA - 1);
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, ETA, ETA - 1));
        activate();
        vm.warp(ETA);
        activate();
    }

    // ---- pages ----

    function test_activate_refusesUntilEachPageIsThere() public {
        Manifest memory m = echoManifest(24, 2, 4);
        commit(m.routesRoot);
        vm.warp(ETA);
        // page 0 tells the number of pages, so it is looked for first
        uint256[4] memory order = [uint256(3), 0, 2, 1];
        uint256[4] memory missing = [uint256(0), 0, 1, 1];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, m.routesRoot, missing[i]));
            activate();
            stagePage(m, order[i], 0);
        }
        activate();
        assertEq(dispatcher.dispatcherState().activePages, 4, "pages");
    }

    function test_activate_refusesWithTheLastPageMissing() public {
        Manifest memory m = echoManifest(24, 2, 4);
        commit(m.routesRoot);
        for (uint256 i = 0; i < 3; ++i) {
            stagePage(m, i, 0);
        }
        vm.warp(ETA);
        vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, m.routesRoot, 3));
        activate();
    }

    function test_activate_doesNotTakePagesOfAnotherRoot() public {
        staged(3, 1, 1);
        bytes32 other = echoManifest(4, 1, 1).routesRoot;
        commit(other);
        vm.warp(ETA);
        vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, other, 0));
        activate();
    }

    function test_activate_refusesPagesThatDisagreeOnTheirNumber() public {
        Route[] memory routes = echoRoutes(1, 1);
        bytes[] memory pages = new bytes[](2);
        routes[0].selector = bytes4(uint32(2));
        pages[0] = PageBuilder.page(routes, 2, 0);
        routes[0].selector = bytes4(uint32(4));
        pages[1] = PageBuilder.page(routes, 3, 1);
        Manifest memory m = PageBuilder.ofPages(pages);
        commit(m.routesRoot);
        stage(m);
        vm.warp(ETA);
        vm.expectRevert(abi.encodeWithSelector(MalformedPage.selector));
        activate();
    }

    function test_activate_takes255Pages() public {
        address facet = address(new Echo(7));
        Route[] memory routes = new Route[](255);
        for (uint256 i = 0; i < 255; ++i) {
            routes[i] = routeTo(bytes4(uint32(0xabcd0000 + i)), facet);
        }
        goLive(PageBuilder.build(routes, 255));
        assertEq(dispatcher.dispatcherState().activePages, 255, "pages");
        for (uint256 i = 0; i < 255; ++i) {
            assertAnsweredBy(routes[i].selector, 7);
        }
    }

    // ---- code ----

    function test_activate_refusesCodeChangedSinceApply() public {
        Route[] memory routes = echoRoutes(12, 12);
        Manifest memory m = PageBuilder.build(routes, 3);
        commit(m.routesRoot);
        stage(m);
        vm.warp(ETA);
        // a facet of each page
        for (uint256 r = 0; r < 12; ++r) {
            bytes memory code = routes[r].facet.code;
            vm.etch(routes[r].facet, hex"fe");
            vm.expectRevert(
                abi.encodeWithSelector(
                    CodehashMismatch.selector, routes[r].selector, routes[r].codeHash, keccak256(hex"fe")
                )
            );
            activate();
            vm.etch(routes[r].facet, code);
        }
        activate();
    }

    function test_activate_refusesAFacetThatLostItsCode() public {
        address facet = address(new Echo(0));
        bytes32 pin = facet.codehash;
        Manifest memory m = manifestOf(selectorOf(0), facet);
        commit(m.routesRoot);
        stage(m);
        vm.etch(facet, "");
        vm.warp(ETA);
        vm.expectRevert(abi.encodeWithSelector(CodehashMismatch.selector, selectorOf(0), pin, facet.codehash));
        activate();
    }

    // ---- the switch ----

    function test_activate_dropsEachRouteOfTheOldManifest() public {
        Route[] memory old = echoRoutes(10, 2);
        goLive(PageBuilder.build(old, 2));
        // 5 to 14: five stay on another facet, five come, five go
        Route[] memory routes = new Route[](10);
        address facet = address(new Echo(99));
        for (uint256 i = 0; i < 10; ++i) {
            routes[i] = routeTo(selectorOf(5 + i), facet);
        }
        goLive(PageBuilder.build(routes, 1));
        for (uint256 i = 0; i < 5; ++i) {
            assertUnrouted(selectorOf(i));
        }
        for (uint256 i = 5; i < 15; ++i) {
            assertAnsweredBy(selectorOf(i), 99);
        }
        assertEq(dispatcher.activeEpoch(), 2, "active epoch");
    }

    function test_activate_refusedLeavesTheOldManifest() public {
        goLive(echoManifest(4, 1, 1));
        Manifest memory m = echoManifest(8, 2, 2);
        commit(m.routesRoot);
        stagePage(m, 0, 0);
        warpBy(DELAY);
        vm.expectRevert(abi.encodeWithSelector(PageMissing.selector, m.routesRoot, 1));
        activate();
        for (uint256 i = 0; i < 4; ++i) {
            assertAnsweredBy(selectorOf(i), 0);
        }
        assertUnrouted(selectorOf(4));
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
        assertEq(dispatcher.pendingRoot(), m.routesRoot, "still pending");
    }

    // ---- who ----

    function test_activate_refusesWithNothingPending() public {
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        activate();
    }

    function test_activate_needsItsRole() public {
        staged(3, 1, 1);
        vm.warp(ETA);
        vm.expectRevert(unauthorized(stranger, APPLY_ROLE));
        vm.prank(stranger);
        dispatcher.activateCommittedRoot();
    }
}
