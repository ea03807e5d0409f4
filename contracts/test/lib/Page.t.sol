// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDispatcherErrors, IManifestDispatcher} from "../../src/IManifestDispatcher.sol";
import {Page} from "../../src/lib/Page.sol";
import {Router} from "../../src/lib/Router.sol";
import {PageBuilder, Route} from "../PageBuilder.sol";
import {Test} from "../Test.sol";

contract PageReader {
    function lookup(address page, uint256 selector) external view returns (address, bytes32) {
        return Page.lookup(Page.read(page), selector);
    }

    /// @dev As a call that has used memory before: what lies beyond the free pointer is not zero.
    function lookupInDirtyMemory(address page, uint256 selector) external view returns (address, bytes32) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            for { let i := 0 } lt(i, 0x4000) { i := add(i, 0x20) } { mstore(add(free, i), not(0)) }
        }
        return Page.lookup(Page.read(page), selector);
    }
}

contract PageTest is Test {
    using Page for bytes;

    PageReader private reader = new PageReader();
    address private constant STORED = address(0x9A6E);

    function routesOf(uint256 n, uint256 facets, uint256 salt) private pure returns (Route[] memory routes) {
        routes = new Route[](n);
        for (uint256 i = 0; i < n; ++i) {
            uint256 f = i % facets;
            routes[i] = Route(
                bytes4(keccak256(abi.encode(salt, i))),
                address(uint160(uint256(keccak256(abi.encode("facet", salt, f))))),
                keccak256(abi.encode("code", salt, f))
            );
        }
    }

    // ---- lookup, and the same in plain Solidity ----

    function plainLookup(bytes memory page, uint256 selector) private pure returns (address account, bytes32 codeHash) {
        uint256 n = number(page, 3, 1);
        if (n == 0) return (address(0), 0);
        uint256 b = (n + 2) / 3;
        uint256 h = selector * number(page, 4, 1) % 4294967311;
        uint256 d = number(page, 5 + h % b, 1);
        uint256 i = h * (d + 1) % 4294967311 % n;
        uint256 entry = 5 + b + 5 * i;
        if (number(page, entry, 4) != selector) return (address(0), 0);
        uint256 facet = 5 + b + 5 * n + 52 * number(page, entry + 4, 1);
        return (address(uint160(number(page, facet, 20))), bytes32(number(page, facet + 20, 32)));
    }

    /// @dev `size` bytes as a number; beyond the end they are zero, as code is.
    function number(bytes memory page, uint256 offset, uint256 size) private pure returns (uint256 value) {
        for (uint256 i = offset; i < offset + size; ++i) {
            value = (value << 8) | (i < page.length ? uint8(page[i]) : 0);
        }
    }

    function assertLookupIsPlain(bytes memory page, uint256 selector) private view returns (address account) {
        (address wantAccount, bytes32 wantHash) = plainLookup(page, selector);
        bytes32 codeHash;
        (account, codeHash) = reader.lookup(STORED, selector);
        assertEq(account, wantAccount, "account");
        assertEq(codeHash, wantHash, "code hash");
        (account, codeHash) = reader.lookupInDirtyMemory(STORED, selector);
        assertEq(account, wantAccount, "account, in dirty memory");
        assertEq(codeHash, wantHash, "code hash, in dirty memory");
    }

    function testFuzz_lookup_findsEachRouteAndNoOther(uint256 n, uint256 facets, uint256 salt, uint32 other) public {
        n = bound(n, 1, 20);
        facets = bound(facets, 1, n);
        Route[] memory routes = routesOf(n, facets, salt);
        bytes memory page = PageBuilder.page(routes, 1, 0);
        vm.etch(STORED, page);
        bool known;
        for (uint256 i = 0; i < n; ++i) {
            assertEq(assertLookupIsPlain(page, uint32(routes[i].selector)), routes[i].facet, "facet of the route");
            (, bytes32 codeHash) = reader.lookup(STORED, uint32(routes[i].selector));
            assertEq(codeHash, routes[i].codeHash, "pin of the route");
            if (uint32(routes[i].selector) == other) known = true;
        }
        if (!known) assertEq(assertLookupIsPlain(page, other), address(0), "no such route");
    }

    function test_lookup_onTheLargestPage() public {
        Route[] memory routes = routesOf(100, 100, 0);
        bytes memory page = PageBuilder.page(routes, 1, 0);
        assertEq(page.length, 539 + 100 * 52, "length");
        vm.etch(STORED, page);
        for (uint256 i = 0; i < 100; ++i) {
            assertEq(assertLookupIsPlain(page, uint32(routes[i].selector)), routes[i].facet, "facet of the route");
        }
    }

    /// @dev What lies in memory reads as a page whose entries are all 0xffffffff.
    function test_lookup_findsNothingInDirtyMemory() public view {
        (address account,) = reader.lookupInDirtyMemory(STORED, 0xffffffff);
        assertEq(account, address(0), "account");
    }

    function testFuzz_lookup_findsNothingWhereNothingIs(uint32 selector) public view {
        (address account, bytes32 codeHash) = reader.lookup(address(0), selector);
        assertEq(account, address(0), "account");
        assertEq(codeHash, 0, "code hash");
        (account, codeHash) = reader.lookupInDirtyMemory(STORED, selector);
        assertEq(account, address(0), "account");
        assertEq(codeHash, 0, "code hash");
    }

    // ---- pages in memory ----

    function test_routerReadsTheSameFormat() public pure {
        assertEq(Router.HEADER, Page.HEADER, "header");
        assertEq(Router.ENTRY, Page.ENTRY, "entry");
        assertEq(Router.FACET, Page.FACET, "facet");
        assertEq(Router.P, Page.P, "prime");
        assertEq(Router.MAX_HEAD, Page.facetsOffset(Page.MAX_ROUTES), "head of the largest page");
        assertEq(Router.LAST_FACET, Router.MAX_HEAD - Page.FACET, "last facet within it");
        assertEq(Router.DELAY, uint32(IManifestDispatcher.delay.selector), "delay()");
        assertEq(Router.PAUSED, uint32(IDispatcherErrors.DispatcherPaused.selector), "DispatcherPaused()");
        assertEq(Router.MISMATCH, uint32(IDispatcherErrors.CodehashMismatch.selector), "CodehashMismatch()");
    }

    function testFuzz_position_asTheBuildersOwn(uint32 selector, uint256 n, uint8 seed, uint256 salt) public pure {
        n = bound(n, 1, 100);
        uint256 b = Page.entriesOffset(n) - Page.HEADER;
        assertEq(b, n % 3 == 0 ? n / 3 : n / 3 + 1, "buckets");
        bytes memory page = new bytes(Page.HEADER + b);
        page[4] = bytes1(seed);
        uint256[] memory same = new uint256[](b);
        for (uint256 k = 0; k < b; ++k) {
            same[k] = uint8(uint256(keccak256(abi.encode(salt, k))));
            page[Page.HEADER + k] = bytes1(uint8(same[k]));
        }
        assertEq(
            Page.position(page.start(), n, selector), PageBuilder.position(bytes4(selector), n, seed, same), "position"
        );
    }

    function testFuzz_readers_onABuiltPage(uint256 n, uint256 facets, uint256 pages, uint256 salt) public pure {
        n = bound(n, 1, 16);
        facets = bound(facets, 1, n);
        pages = bound(pages, 1, 255);
        Route[] memory routes = routesOf(n, facets, salt);
        bytes memory page = PageBuilder.page(routes, pages, pages - 1);
        uint256 header = Page.word(page.start());
        assertEq(Page.pages(header), pages, "pages");
        assertEq(Page.index(header), pages - 1, "index");
        assertEq(Page.routes(header), n, "routes");
        assertEq(Page.facetsOffset(n), page.length - 52 * facets, "offset of the facets");

        Route[] memory sorted = PageBuilder.facetsOf(routes);
        for (uint256 f = 0; f < facets; ++f) {
            uint256 p = page.start() + Page.facetsOffset(n) + f * Page.FACET;
            assertEq(address(uint160(Page.word(p) >> 96)), sorted[f].facet, "facet");
            assertEq(bytes32(Page.word(p + 20)), sorted[f].codeHash, "pin");
            (address account,) = plainLookup(page, uint32(Page.firstSelector(page.start(), p)));
            assertEq(account, sorted[f].facet, "facet of the first selector");
        }
    }

    function test_firstSelector_isThatOfTheFirstEntry() public pure {
        // two entries for facet 1, then one for facet 0
        bytes memory page = hex"0001000301" hex"00" hex"aaaaaaaa01" hex"bbbbbbbb01" hex"cccccccc00";
        page = bytes.concat(page, new bytes(104));
        uint256 facets = page.start() + Page.facetsOffset(3);
        assertEq(bytes32(Page.firstSelector(page.start(), facets + 52)), bytes32(bytes4(0xaaaaaaaa)), "of facet 1");
        assertEq(bytes32(Page.firstSelector(page.start(), facets)), bytes32(bytes4(0xcccccccc)), "of facet 0");
    }
}
