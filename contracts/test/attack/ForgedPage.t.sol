// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Echo} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";
import {Vm} from "../Vm.sol";
import {AttackTest} from "./AttackTest.sol";
import {Yes} from "./Attackers.sol";

/// @dev Pages that are not what was agreed to, and manifests that are not what they look like.
contract ForgedPageTest is AttackTest {
    using PageBuilder for Manifest;

    function applyPage(bytes memory page, bytes32[] memory proof) private {
        vm.prank(applier);
        dispatcher.applyRoutes(page, proof, 0);
    }

    // ---- a page of another tree, or at another index ----

    function stageForeignPage(bytes memory err) private returns (bytes32 root) {
        root = echoManifest(1, 1, 1).routesRoot;
        commit(root);
        bytes memory page = PageBuilder.build(thiefRoute(), 1).pages[0];
        if (err.length != 0) vm.expectRevert(abi.encodeWithSelector(bytes4(err), root));
        applyPage(page, new bytes32[](0));
    }

    function test_pageOfAnotherTree_isRefused() public {
        stageForeignPage(abi.encodePacked(InvalidProof.selector));
    }

    /// @dev A page is stored at an address that follows from its own root, so it goes live with no other. But the log says
    /// that the pending root routes to the thief.
    function test_pageOfAnotherTree_succeedsWhenNothingIsProven() public {
        weaken("NoProof");
        vm.recordLogs();
        bytes32 root = stageForeignPage("");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[logs.length - 2].topics[0], SelectorRouted.selector, "event of the route");
        assertEq(logs[logs.length - 2].topics[1], bytes32(selectorOf(0)), "the thief's selector");
        assertEq(logs[logs.length - 1].topics[0], RoutesApplied.selector, "event of the page");
        assertEq(logs[logs.length - 1].topics[1], root, "the pending root");
    }

    function stageAtAnotherIndex(bool refused) private returns (bytes32 ownRoot) {
        Manifest memory m = echoManifest(8, 1, 2);
        commit(m.routesRoot);
        // page 1 of 2 says that it is page 0 of 1, so that its selectors still belong there and no other page is missing
        bytes memory page = copyOf(m.pages[1]);
        (page[1], page[2]) = (0x01, 0x00);
        bytes32[] memory proof = m.proof(1);
        if (refused) vm.expectRevert(abi.encodeWithSelector(InvalidProof.selector, m.routesRoot));
        applyPage(page, proof);
        bytes32 leaf = PageBuilder.leaf(page);
        return keccak256(leaf < proof[0] ? bytes.concat(leaf, proof[0]) : bytes.concat(proof[0], leaf));
    }

    function test_pageAtAnotherIndex_isRefused() public {
        stageAtAnotherIndex(true);
    }

    function test_pageAtAnotherIndex_succeedsWhenNothingIsProven() public {
        weaken("NoProof");
        bytes32 ownRoot = stageAtAnotherIndex(false);
        assertTrue(dispatcher.pageAddress(ownRoot, 0).code.length != 0, "staged for a root that nobody committed");
    }

    // ---- an inner node as a page ----

    /// @dev 64 bytes whose hash is the root: the two leaves, in order.
    function stageInnerNode() private returns (bytes32 root, bytes memory result) {
        Manifest memory m = echoManifest(8, 1, 2);
        commit(m.routesRoot);
        (bytes32 a, bytes32 b) = (PageBuilder.leaf(m.pages[0]), PageBuilder.leaf(m.pages[1]));
        bytes memory node = a < b ? bytes.concat(a, b) : bytes.concat(b, a);
        assertEq(keccak256(node), m.routesRoot, "an inner node");
        bool ok;
        vm.prank(applier);
        (ok, result) = address(dispatcher).call(abi.encodeCall(dispatcher.applyRoutes, (node, new bytes32[](0), 0)));
        assertTrue(!ok, "refused");
        return (m.routesRoot, result);
    }

    function test_innerNodeAsPage_isRefused() public {
        (bytes32 root, bytes memory result) = stageInnerNode();
        assertEq(result, abi.encodeWithSelector(InvalidProof.selector, root), "error");
    }

    /// @dev It gets past the proof. What is left is that no page is 64 bytes long: with one route it has 63, with two
    /// routes 68 or more.
    function test_innerNodeAsPage_succeedsInItsProofWhenLeavesAreHashedOnce() public {
        weaken("LeafHashedOnce");
        (, bytes memory result) = stageInnerNode();
        bytes32 err = bytes32(bytes4(result));
        assertTrue(err == bytes32(MalformedPage.selector) || err == bytes32(PageTooLarge.selector), "past the proof");
    }

    // ---- a selector on two pages ----

    /// @dev Page 1 says that the thief answers, page 0 that an Echo does. Calls look on page 0.
    function commitOnTwoPages() private returns (Manifest memory m, bytes4 selector, address echo, address thief) {
        selector = 0x00000002;
        echo = address(new Echo(0));
        Route[] memory routes = thiefRoute();
        thief = routes[0].facet;
        routes[0].selector = selector;
        Route[] memory own = new Route[](1);
        own[0] = routeTo(selector, echo);
        bytes[] memory pages = new bytes[](2);
        pages[0] = PageBuilder.page(own, 2, 0);
        pages[1] = PageBuilder.page(routes, 2, 1);
        m = PageBuilder.ofPages(pages);
        commit(m.routesRoot);
        stagePage(m, 0, 0);
    }

    function test_selectorOnTwoPages_isRefused() public {
        (Manifest memory m, bytes4 selector,,) = commitOnTwoPages();
        vm.expectRevert(abi.encodeWithSelector(WrongPage.selector, selector, 1));
        stagePage(m, 1, 0);
    }

    function test_selectorOnTwoPages_succeedsWhenAnyPageWillDo() public {
        weaken("AnyPage");
        (Manifest memory m, bytes4 selector, address echo, address thief) = commitOnTwoPages();
        stagePage(m, 1, 0);
        warpBy(DELAY);
        activate();
        assertListedTwice(selector, echo, thief);
        assertAnsweredBy(selector, 0);
    }

    function assertListedTwice(bytes4 selector, address one, address other) private view {
        assertEq(bytes32(dispatcher.facetFunctionSelectors(one)[0]), bytes32(selector), "listed for one facet");
        assertEq(bytes32(dispatcher.facetFunctionSelectors(other)[0]), bytes32(selector), "and for another");
    }

    // ---- a selector twice on a page ----

    /// @dev The entry that calls find names a thief; the other, which a reader may find first, names an Echo.
    function commitTwiceOnAPage() private returns (Manifest memory m, address echo, address thief) {
        Route[] memory routes = new Route[](2);
        routes[0] = thiefRoute()[0];
        echo = address(new Echo(0));
        routes[1] = routeTo(selectorOf(1), echo);
        bytes memory page = PageBuilder.page(routes, 1, 0);
        // two entries after header and displacement
        uint256 start = bytes4(bytes.concat(page[6], page[7], page[8], page[9])) == selectorOf(1) ? 6 : 11;
        for (uint256 i = 0; i < 4; ++i) {
            page[start + i] = selectorOf(0)[i];
        }
        m = PageBuilder.ofPage(page);
        commit(m.routesRoot);
        return (m, echo, routes[0].facet);
    }

    function test_selectorTwiceOnAPage_isRefused() public {
        (Manifest memory m,,) = commitTwiceOnAPage();
        vm.expectRevert(abi.encodeWithSelector(MisplacedSelector.selector, selectorOf(0)));
        stage(m);
    }

    function test_selectorTwiceOnAPage_succeedsWhenAnyEntryWillDo() public {
        weaken("AnyPosition");
        (Manifest memory m, address echo, address thief) = commitTwiceOnAPage();
        stage(m);
        warpBy(DELAY);
        activate();
        assertListedTwice(selectorOf(0), echo, thief);
        route(abi.encodePacked(selectorOf(0)));
        assertRobbed();
    }

    // ---- a route in the place of a function ----

    /// @dev The guardian's cancel is to become a call that does nothing.
    function commitShadow() private returns (Manifest memory m) {
        m = manifestOf(dispatcher.cancelCommit.selector, address(new Yes()));
        commit(m.routesRoot);
    }

    function test_shadow_isRefused() public {
        Manifest memory m = commitShadow();
        vm.expectRevert(abi.encodeWithSelector(SelectorReserved.selector, dispatcher.cancelCommit.selector));
        stage(m);
    }

    function test_shadow_succeedsWhenNoSelectorIsReserved() public {
        weaken("Shadows");
        Manifest memory m = commitShadow();
        stage(m);
        warpBy(DELAY);
        activate();

        m = PageBuilder.build(thiefRoute(), 1);
        commit(m.routesRoot);
        stage(m);
        vm.prank(guardian);
        dispatcher.cancelCommit();
        warpBy(DELAY);
        activate();
        route(abi.encodePacked(selectorOf(0)));
        assertRobbed();
    }
}
