// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

contract ApplyTest is DispatcherTest {
    using PageBuilder for Manifest;

    function test_apply_storesThePageAtItsAddress() public {
        Manifest memory m = echoManifest(20, 3, 3);
        commit(m.routesRoot);
        for (uint256 i = 0; i < 3; ++i) {
            address spot = dispatcher.pageAddress(m.routesRoot, i);
            assertEq(spot.code.length, 0, "nothing there yet");
            stagePage(m, i, 0);
            assertEq(spot.code, m.pages[i], "code of the page");
        }
    }

    function test_apply_emitsEachRouteInOrderAndTheCount() public {
        Route[] memory routes = echoRoutes(5, 2);
        Manifest memory m = PageBuilder.build(routes, 1);
        commit(m.routesRoot);
        // entries stand in the order of the perfect hash
        bytes memory page = m.pages[0];
        for (uint256 i = 0; i < 5; ++i) {
            uint256 spot = 5 + 2 + 5 * i;
            bytes4 selector = bytes4(bytes.concat(page[spot], page[spot + 1], page[spot + 2], page[spot + 3]));
            for (uint256 r = 0; r < 5; ++r) {
                if (routes[r].selector != selector) continue;
                vm.expectEmit(address(dispatcher));
                emit SelectorRouted(selector, routes[r].facet);
            }
        }
        vm.expectEmit(address(dispatcher));
        emit RoutesApplied(m.routesRoot, 5);
        vm.recordLogs();
        stage(m);
        assertEq(vm.getRecordedLogs().length, 6, "events");
    }

    function test_apply_takesPagesInAnyOrder() public {
        Manifest memory m = echoManifest(20, 2, 3);
        commit(m.routesRoot);
        stagePage(m, 2, 0);
        stagePage(m, 0, 0);
        stagePage(m, 1, 0);
        warpBy(DELAY);
        activate();
        for (uint256 i = 0; i < 20; ++i) {
            assertAnsweredBy(selectorOf(i), i % 2);
        }
    }

    function test_apply_refusesAPageTwice() public {
        Manifest memory m = echoManifest(20, 2, 2);
        commit(m.routesRoot);
        stagePage(m, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(PageAlreadyStaged.selector, m.routesRoot, 1));
        stagePage(m, 1, 0);
        stagePage(m, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(PageAlreadyStaged.selector, m.routesRoot, 0));
        stagePage(m, 0, 0);
    }

    function test_apply_keepsPagesForALaterCommitment() public {
        Manifest memory m = echoManifest(20, 2, 2);
        commit(m.routesRoot);
        stagePage(m, 1, 0);
        vm.prank(guardian);
        dispatcher.cancelCommit();
        commit(m.routesRoot);
        stagePage(m, 0, 0);
        warpBy(DELAY);
        activate();
        assertAnsweredBy(selectorOf(3), 1);
    }

    function test_apply_afterEtaIsInTime() public {
        Manifest memory m = echoManifest(4, 1, 1);
        commit(m.routesRoot);
        vm.warp(START + DELAY + WINDOW);
        stage(m);
        activate();
        assertAnsweredBy(selectorOf(0), 0);
    }

    // ---- what is staged is not live ----

    function test_apply_makesNothingCallable() public {
        Manifest memory m = echoManifest(10, 2, 2);
        commit(m.routesRoot);
        stage(m);
        warpBy(DELAY + 1);
        for (uint256 i = 0; i < 10; ++i) {
            assertUnrouted(selectorOf(i));
            assertEq(dispatcher.facetAddress(selectorOf(i)), address(0), "facetAddress");
        }
        assertEq(dispatcher.facetAddresses().length, 0, "facetAddresses");
    }

    function test_apply_leavesLiveRoutesAsTheyAre() public {
        Manifest memory old = manifestOf(selectorOf(0), echoRoutes(1, 1)[0].facet);
        goLive(old);
        Route[] memory routes = echoRoutes(2, 2);
        routes[0] = routeTo(selectorOf(0), routes[1].facet);
        Manifest memory m = PageBuilder.build(routes, 1);
        commit(m.routesRoot);
        stage(m);
        assertAnsweredBy(selectorOf(0), 0);
        assertUnrouted(selectorOf(1));
    }

    // ---- proofs ----

    function expectInvalidProof(bytes32 root, bytes memory page, bytes32[] memory proof, bytes32 initHash) private {
        vm.expectRevert(abi.encodeWithSelector(InvalidProof.selector, root));
        vm.prank(applier);
        dispatcher.applyRoutes(page, proof, initHash);
    }

    function test_apply_refusesTheProofOfAnotherPage() public {
        Manifest memory m = echoManifest(20, 2, 4);
        commit(m.routesRoot);
        expectInvalidProof(m.routesRoot, m.pages[0], m.proof(1), 0);
        expectInvalidProof(m.routesRoot, m.pages[0], new bytes32[](0), 0);
    }

    function testFuzz_apply_refusesAChangedProof(uint256 node, uint256 bit) public {
        Manifest memory m = echoManifest(20, 2, 4);
        commit(m.routesRoot);
        bytes32[] memory proof = m.proof(2);
        proof[node % proof.length] ^= bytes32(1 << (bit % 256));
        expectInvalidProof(m.routesRoot, m.pages[2], proof, 0);
    }

    function testFuzz_apply_refusesAChangedPage(uint256 spot, uint8 flip) public {
        vm.assume(flip != 0);
        Manifest memory m = echoManifest(10, 2, 2);
        commit(m.routesRoot);
        bytes memory page = copyOf(m.pages[1]);
        page[spot % page.length] ^= bytes1(flip);
        expectInvalidProof(m.routesRoot, page, m.proof(1), 0);
    }

    function test_apply_refusesAPageOfAnotherRoot() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(keccak256("another root"));
        expectInvalidProof(keccak256("another root"), m.pages[0], m.proof(0), 0);
    }

    function testFuzz_apply_refusesAnInitHashThatTheRootDoesNotName(bytes32 initHash) public {
        vm.assume(initHash != 0);
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        expectInvalidProof(m.routesRoot, m.pages[0], m.proof(0), initHash);
    }

    /// @dev A leaf is hashed twice, so that the 64 bytes below an inner node are not a leaf.
    function test_apply_refusesAForgedLeaf() public {
        Manifest memory m = echoManifest(20, 2, 2);
        commit(m.routesRoot);
        (bytes32 a, bytes32 b) = (m.tree[1], m.tree[2]);
        bytes memory forged = a < b ? bytes.concat(a, b) : bytes.concat(b, a);
        assertEq(keccak256(forged), m.routesRoot, "the forged leaf hashes to the root");
        expectInvalidProof(m.routesRoot, forged, new bytes32[](0), 0);
    }

    // ---- batch limit ----

    function test_apply_refusesMoreRoutesThanTheLimit() public {
        vm.prank(governor);
        dispatcher.setMaxBatchSize(10);
        Manifest memory m = echoManifest(11, 1, 1);
        commit(m.routesRoot);
        vm.expectRevert(abi.encodeWithSelector(PageTooLarge.selector, 11, 10));
        stage(m);
    }

    function test_apply_takesAsManyRoutesAsTheLimit() public {
        vm.prank(governor);
        dispatcher.setMaxBatchSize(10);
        goLive(echoManifest(10, 1, 1));
        assertAnsweredBy(selectorOf(9), 0);
    }

    function test_apply_limitRaisedAfterCommitDoesNotHold() public {
        Manifest memory m = echoManifest(51, 1, 1);
        commit(m.routesRoot);
        vm.prank(governor);
        dispatcher.setMaxBatchSize(100);
        vm.expectRevert(abi.encodeWithSelector(PageTooLarge.selector, 51, 50));
        stage(m);
    }

    function test_apply_limitLoweredAfterCommitDoesNotHold() public {
        Manifest memory m = echoManifest(50, 1, 1);
        commit(m.routesRoot);
        vm.prank(governor);
        dispatcher.setMaxBatchSize(10);
        stage(m);
        warpBy(DELAY);
        activate();
        assertAnsweredBy(selectorOf(49), 0);
    }

    // ---- when and who ----

    function test_apply_refusesWithNothingPending() public {
        Manifest memory m = echoManifest(3, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        stage(m);
    }

    function test_apply_refusesAfterCancel() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        vm.prank(guardian);
        dispatcher.cancelCommit();
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        stage(m);
    }

    function test_apply_refusesAfterTheDeadline() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        uint256 deadline = START + DELAY + WINDOW;
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(ManifestExpired.selector, deadline, deadline + 1));
        stage(m);
    }

    function test_apply_needsItsRole() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        vm.expectRevert(unauthorized(stranger, APPLY_ROLE));
        vm.prank(stranger);
        dispatcher.applyRoutes(m.pages[0], m.proof(0), 0);
    }

    // ---- never half ----

    function test_apply_refusesWhenThePageCannotBeCreated() public {
        Manifest memory m = echoManifest(3, 1, 1);
        commit(m.routesRoot);
        vm.setNonce(dispatcher.pageAddress(m.routesRoot, 0), 1);
        vm.expectRevert(abi.encodeWithSelector(PageNotStored.selector, m.routesRoot, 0));
        vm.prank(applier);
        // a collision burns what the creation was given
        dispatcher.applyRoutes{gas: 10_000_000}(m.pages[0], m.proof(0), 0);
    }

    /// @dev A creation that runs out of gas while it asks for the bytes would leave an empty page.
    function test_apply_withTooLittleGasStagesNothing() public {
        Manifest memory m = echoManifest(50, 5, 1);
        commit(m.routesRoot);
        address spot = dispatcher.pageAddress(m.routesRoot, 0);
        bytes memory data = abi.encodeCall(dispatcher.applyRoutes, (m.pages[0], m.proof(0), 0));
        uint256 failures;
        for (uint256 gas_ = 100_000;; gas_ += 1_000) {
            vm.prank(applier);
            (bool ok,) = address(dispatcher).call{gas: gas_}(data);
            if (ok) break;
            ++failures;
            assertEq(spot.codehash, 0, "no account after a failure");
        }
        assertEq(spot.code, m.pages[0], "the whole page after success");
        assertTrue(failures > 100, "failures in the creation were met");
    }

    function test_stagingPage_isEmptyUnlessAPageIsBeingStaged() public {
        assertEq(route(abi.encodeCall(dispatcher.stagingPage, ())), "", "before");
        Manifest memory m = echoManifest(5, 1, 1);
        commit(m.routesRoot);
        stage(m);
        assertEq(route(abi.encodeCall(dispatcher.stagingPage, ())), "", "after, in the same transaction");
    }
}
