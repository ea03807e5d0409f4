// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Echo} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

/// @dev Going back is a manifest like any other, whose pages are there already.
contract RollbackTest is DispatcherTest {
    using PageBuilder for Manifest;

    Manifest private first;

    function setUp() public override {
        super.setUp();
        first = echoManifest(20, 2, 3);
        goLive(first);
        goLive(manifestOf(selectorOf(0), address(new Echo(9))));
        assertAnsweredBy(selectorOf(0), 9);
        assertUnrouted(selectorOf(1));
    }

    function test_rollback_needsNoApply() public {
        commit(first.routesRoot);
        warpBy(DELAY);
        activate();
        for (uint256 i = 0; i < 20; ++i) {
            assertAnsweredBy(selectorOf(i), i % 2);
        }
        assertEq(dispatcher.activeRoot(), first.routesRoot, "active root");
        assertEq(dispatcher.activeEpoch(), 3, "active epoch");
        assertEq(dispatcher.dispatcherState().activePages, 3, "pages");
    }

    function test_rollback_needsTheNextEpoch() public {
        vm.expectRevert(abi.encodeWithSelector(WrongEpoch.selector, 1, 3));
        vm.prank(committer);
        dispatcher.commitRoot(first.routesRoot, 1);
    }

    function test_rollback_waitsAsLong() public {
        commit(first.routesRoot);
        uint256 eta = dispatcher.pendingEta();
        warpBy(DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, eta, eta - 1));
        activate();
    }

    function test_rollback_checksTheCodeAgain() public {
        address facet = dispatcher.facetAddresses()[0];
        Manifest memory second = manifestOf(selectorOf(0), facet);
        bytes32 pin = facet.codehash;
        commit(first.routesRoot);
        warpBy(DELAY);
        activate();
        vm.etch(facet, hex"fe");
        commit(second.routesRoot);
        warpBy(DELAY);
        vm.expectRevert(abi.encodeWithSelector(CodehashMismatch.selector, selectorOf(0), pin, keccak256(hex"fe")));
        activate();
    }
}
