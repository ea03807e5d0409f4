// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Echo} from "../Facets.sol";
import {PageReader} from "../lib/Page.t.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";
import {PlainPage} from "./PlainPage.sol";

/// @dev Random manifests and random damage to them, against a plain reading of the page format.
contract PageFuzzTest is DispatcherTest {
    using PageBuilder for Manifest;
    using PlainPage for PlainPage.Content;

    /// @dev Routes of the largest random manifest, so that a run ends soon; a page alone may still hold 100.
    uint256 private constant MAX_ROUTES = 200;
    uint256 private constant MAX_FACETS = 24;

    PageReader private reader;
    address[] private echoes;
    mapping(bytes4 selector => bool) private taken;

    function setUp() public override {
        super.setUp();
        vm.prank(governor);
        dispatcher.setMaxBatchSize(100);
        reader = new PageReader();
        for (uint256 f = 0; f < MAX_FACETS; ++f) {
            echoes.push(address(new Echo(f)));
        }
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        for (uint256 i = 0; i < reserved.length; ++i) {
            taken[reserved[i]] = true;
        }
    }

    function random(uint256 seed, string memory what, uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what, i)));
    }

    /// @dev A selector that nothing has yet, on page `index` of `pages`.
    function freeSelector(uint256 seed, uint256 pages, uint256 index) private returns (bytes4 selector) {
        do {
            seed = random(seed, "selector", index);
            uint256 value = uint32(seed);
            selector = bytes4(uint32(value - value % pages + index));
            // beyond the largest selector it would wrap onto another page
        } while (taken[selector] || uint32(selector) % pages != index);
        taken[selector] = true;
    }

    /// @dev Each page holds one route at least; route r leads to a random one of the first `facets` echoes.
    function randomRoutes(uint256 seed, uint256 pages, uint256 most, uint256 facets)
        private
        returns (Route[] memory routes)
    {
        uint256[] memory counts = new uint256[](pages);
        uint256 total;
        for (uint256 p = 0; p < pages; ++p) {
            counts[p] = 1 + random(seed, "routes", p) % most;
            total += counts[p];
        }
        routes = new Route[](total);
        total = 0;
        for (uint256 p = 0; p < pages; ++p) {
            for (uint256 i = 0; i < counts[p]; ++i) {
                bytes4 selector = freeSelector(random(seed, "route", total), pages, p);
                routes[total] = routeTo(selector, echoes[random(seed, "facet", total) % facets]);
                ++total;
            }
        }
    }

    /// @dev Of page counts 1 to 20 and routes 1 to 100 on a page the small ones come as often as the large.
    function randomShape(uint256 pages, uint256 most) private pure returns (uint256, uint256) {
        pages = bound(pages, 1, 20);
        uint256 room = MAX_ROUTES / pages < 100 ? MAX_ROUTES / pages : 100;
        return (pages, bound(most, 1, room));
    }

    // ---- manifests that are well formed ----

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_manifest_eachRouteIsFoundAndNoOther(uint256 pages, uint256 most, uint256 facets, uint256 seed)
        public
    {
        (pages, most) = randomShape(pages, most);
        facets = bound(facets, 1, MAX_FACETS);
        Route[] memory routes = randomRoutes(seed, pages, most, facets);
        goLive(PageBuilder.build(routes, pages));
        for (uint256 i = 0; i < routes.length; ++i) {
            assertEq(dispatcher.facetAddress(routes[i].selector), routes[i].facet, "facet of the route");
            assertEq(echoes[echoId(routes[i].selector)], routes[i].facet, "facet that answers");
        }
        for (uint256 i = 0; i < 20; ++i) {
            bytes4 other = freeSelector(random(seed, "other", i), pages, i % pages);
            assertEq(dispatcher.facetAddress(other), address(0), "facet of no route");
            assertUnrouted(other);
        }
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_manifest_loupeListsItOnce(uint256 pages, uint256 most, uint256 facets, uint256 seed) public {
        (pages, most) = randomShape(pages, most / 2);
        facets = bound(facets, 1, MAX_FACETS);
        Route[] memory routes = randomRoutes(seed, pages, most, facets);
        goLive(PageBuilder.build(routes, pages));
        address[] memory addresses = dispatcher.facetAddresses();
        assertEq(addresses.length, PageBuilder.facetsOf(routes).length, "facets");
        uint256 count;
        for (uint256 f = 0; f < addresses.length; ++f) {
            bytes4[] memory selectors = dispatcher.facetFunctionSelectors(addresses[f]);
            for (uint256 i = 0; i < selectors.length; ++i) {
                assertTrue(taken[selectors[i]], "a selector of the manifest, and only once");
                taken[selectors[i]] = false;
                assertEq(dispatcher.facetAddress(selectors[i]), addresses[f], "its facet");
            }
            count += selectors.length;
        }
        assertEq(count, routes.length, "routes");
    }

    // ---- lookup ----

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_lookup_findsWhatAScanFinds(uint256 pages, uint256 most, uint256 facets, uint256 seed) public {
        (pages, most) = randomShape(pages, most);
        Route[] memory routes = randomRoutes(seed, pages, most, bound(facets, 1, MAX_FACETS));
        uint256 index = seed % pages;
        bytes memory page = PageBuilder.page(PageBuilder.select(routes, pages, index), pages, index);
        assertTrue(PlainPage.isPage(page), "a page");
        vm.etch(address(0x9A6E), page);
        PlainPage.Content memory content = PlainPage.decode(page);
        // those of the page, those of the others, and any
        for (uint256 i = 0; i < routes.length; ++i) {
            assertFoundAsByScan(content, routes[i].selector);
        }
        for (uint256 i = 0; i < 20; ++i) {
            assertFoundAsByScan(content, bytes4(uint32(random(seed, "any", i))));
        }
        assertFoundAsByScan(content, 0x00000000);
        assertFoundAsByScan(content, 0xffffffff);
    }

    function assertFoundAsByScan(PlainPage.Content memory content, bytes4 selector) private view {
        (address account, bytes32 codeHash) = reader.lookup(address(0x9A6E), uint32(selector));
        (address wantAccount, bytes32 wantHash) = content.find(selector);
        assertEq(account, wantAccount, "account");
        assertEq(codeHash, wantHash, "code hash");
    }

    // ---- damaged pages ----

    /// @dev One byte is changed in a page of any shape, and its root is committed: the dispatcher takes it if and only if
    /// it still is a page, and then it is the page that it now says to be.
    /// forge-config: default.fuzz.runs = 512
    function testFuzz_damagedPage_isRefusedOrTakenForWhatItSays(uint256 most, uint256 facets, uint256 seed, uint8 flip)
        public
    {
        bytes memory page = randomPage(bound(most, 1, 30), facets, seed);
        change(page, random(seed, "offset", 0), flip);
        assertTakenForWhatItSays(page);
    }

    /// @dev The head and the displacements are few bytes, of which each means much.
    /// forge-config: default.fuzz.runs = 256
    function testFuzz_damagedHead_isRefusedOrTakenForWhatItSays(uint256 most, uint256 facets, uint256 seed, uint8 flip)
        public
    {
        bytes memory page = randomPage(bound(most, 1, 8), facets, seed);
        change(page, random(seed, "offset", 0) % (5 + (uint8(page[3]) + 2) / 3), flip);
        assertTakenForWhatItSays(page);
    }

    /// @dev Bytes are taken away from the end or added to it.
    function testFuzz_cutPage_isRefusedOrTakenForWhatItSays(uint256 most, uint256 facets, uint256 seed, uint256 length)
        public
    {
        bytes memory page = randomPage(bound(most, 1, 8), facets, seed);
        bytes memory other = new bytes(length % (page.length + 110));
        for (uint256 i = 0; i < other.length && i < page.length; ++i) {
            other[i] = page[i];
        }
        assertTakenForWhatItSays(other);
    }

    /// @dev One of one to three pages.
    function randomPage(uint256 most, uint256 facets, uint256 seed) private returns (bytes memory) {
        uint256 pages = 1 + random(seed, "pages", 0) % 3;
        Route[] memory routes = randomRoutes(seed, pages, most, bound(facets, 1, 5));
        uint256 index = random(seed, "index", 0) % pages;
        return PageBuilder.page(PageBuilder.select(routes, pages, index), pages, index);
    }

    function change(bytes memory page, uint256 where, uint8 flip) private pure {
        page[where % page.length] ^= bytes1(flip == 0 ? 1 : flip);
    }

    function assertTakenForWhatItSays(bytes memory page) private {
        Manifest memory m = PageBuilder.ofPage(page);
        commit(m.routesRoot);
        vm.prank(applier);
        (bool ok, bytes memory result) =
            address(dispatcher).call(abi.encodeCall(dispatcher.applyRoutes, (page, m.proof(0), 0)));
        assertTrue(ok == isAcceptable(page), ok ? "taken, and is no page" : "refused, and is a page");
        if (!ok) {
            assertTrue(isNamed(result), "an error with a name");
            return;
        }
        PlainPage.Content memory content = PlainPage.decode(page);
        assertEq(dispatcher.pageAddress(m.routesRoot, content.index).code, page, "stored");
        if (content.pages != 1) return; // its other pages cannot be proven
        warpBy(DELAY);
        activate();
        for (uint256 i = 0; i < content.entries.length; ++i) {
            bytes4 selector = content.entries[i].selector;
            (address account,) = content.find(selector);
            assertEq(dispatcher.facetAddress(selector), account, "facet of the entry");
            assertEq(echoes[echoId(selector)], account, "facet that answers");
        }
    }

    /// @dev A page whose selectors and facets may be routed.
    function isAcceptable(bytes memory page) private view returns (bool) {
        if (!PlainPage.isPage(page)) return false;
        PlainPage.Content memory content = PlainPage.decode(page);
        for (uint256 i = 0; i < content.entries.length; ++i) {
            if (dispatcher.isReserved(content.entries[i].selector)) return false;
        }
        for (uint256 f = 0; f < content.facets.length; ++f) {
            bytes memory code = content.facets[f].account.code;
            if (code.length == 0 || keccak256(code) != content.facets[f].codeHash) return false;
        }
        return true;
    }

    function isNamed(bytes memory err) private pure returns (bool) {
        bytes4 name = bytes4(err);
        return name == MalformedPage.selector || name == WrongPage.selector || name == MisplacedSelector.selector
            || name == SelectorReserved.selector || name == CodeMissing.selector || name == CodeForbidden.selector
            || name == CodehashMismatch.selector || name == PageTooLarge.selector;
    }
}
