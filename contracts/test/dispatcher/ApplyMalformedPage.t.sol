// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Page} from "../../src/lib/Page.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Echo} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

/// @dev Each page here is proven: its root was committed as it is. Only the check of its bytes can refuse it.
contract ApplyMalformedPageTest is DispatcherTest {
    using PageBuilder for Manifest;

    // Offsets in a page of 4 routes and 2 facets: header 5, 2 displacements, 4 entries of 5, 2 facets of 52.
    uint256 private constant FIRST_ENTRY = 7;
    uint256 private constant FIRST_FACET = 27;

    bytes private page;

    function setUp() public override {
        super.setUp();
        page = PageBuilder.page(echoRoutes(4, 2), 1, 0);
        assertEq(page.length, FIRST_FACET + 2 * 52, "length of the page");
    }

    function assertPageRefused(bytes memory page_, bytes memory err) private {
        Manifest memory m = PageBuilder.ofPage(page_);
        commit(m.routesRoot);
        vm.expectRevert(err);
        stagePage(m, 0, 0);
        assertEq(dispatcher.pageAddress(m.routesRoot, 0).code.length, 0, "nothing is stored");
    }

    function assertTooLarge(bytes memory page_, uint256 n) private {
        assertPageRefused(page_, abi.encodeWithSelector(PageTooLarge.selector, n, 100));
    }

    function assertMalformed(bytes memory page_) private {
        assertPageRefused(page_, abi.encodeWithSelector(MalformedPage.selector));
    }

    function firstEntry() private view returns (bytes4) {
        bytes memory p = page;
        return bytes4(bytes.concat(p[FIRST_ENTRY], p[FIRST_ENTRY + 1], p[FIRST_ENTRY + 2], p[FIRST_ENTRY + 3]));
    }

    function withByte(bytes memory data, uint256 offset, uint8 value) private pure returns (bytes memory changed) {
        changed = copyOf(data);
        changed[offset] = bytes1(value);
    }

    /// @dev The first `length` bytes.
    function cut(bytes memory data, uint256 length) private pure returns (bytes memory short) {
        short = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            short[i] = data[i];
        }
    }

    function test_page_unchangedIsTaken() public {
        goLive(PageBuilder.ofPage(page));
        assertAnsweredBy(selectorOf(2), 0);
    }

    function test_page_refusesEveryShorterOne() public {
        // Without its last facet it would be well formed, if no entry led to that facet.
        for (uint256 length = 0; length < page.length; ++length) {
            assertMalformed(cut(page, length));
        }
    }

    function test_page_refusesTrailingBytes() public {
        assertMalformed(bytes.concat(page, hex"00"));
        assertMalformed(bytes.concat(page, new bytes(51)));
        assertMalformed(bytes.concat(page, new bytes(53)));
    }

    /// @dev A facet whose pinned code hash ends with a zero byte, which is cut off, reads as a whole one.
    function test_page_refusesAFacetWithoutItsLastByte() public {
        bytes memory last = cut(page, 0);
        for (uint256 id = 0; last.length == 0; ++id) {
            address facet = address(new Echo(id));
            if (uint8(uint256(facet.codehash)) != 0 || facet < lastFacet()) continue;
            last = cut(abi.encodePacked(facet, facet.codehash), 51);
        }
        assertMalformed(bytes.concat(page, last));
    }

    function lastFacet() private view returns (address) {
        bytes memory p = page;
        return address(bytes20(bytes32(Page.word(Page.start(p) + p.length - Page.FACET))));
    }

    function test_page_refusesAnotherFirstByte() public {
        for (uint256 x = 1; x < 256; x += 17) {
            assertMalformed(withByte(page, 0, uint8(x)));
        }
    }

    function test_page_refusesNoRoutes() public {
        assertMalformed(withByte(page, 3, 0));
        assertMalformed(hex"0001000001");
        assertMalformed(bytes.concat(hex"0001000001", new bytes(52)));
    }

    function test_page_refusesMoreThan100RoutesWhateverTheLimit() public {
        vm.prank(governor);
        dispatcher.setMaxBatchSize(100);
        // as long as a page of 101 routes over one facet would be
        bytes memory large = new bytes(5 + 34 + 101 * 5 + 52);
        large[1] = 0x01;
        large[3] = bytes1(uint8(101));
        assertTooLarge(large, 101);
        large = new bytes(5 + 85 + 255 * 5 + 52);
        large[1] = 0x01;
        large[3] = 0xff;
        assertTooLarge(large, 255);
    }

    function test_page_refusesNoPages() public {
        assertMalformed(withByte(page, 1, 0));
    }

    function test_page_refusesAnIndexBeyondThePages() public {
        assertMalformed(withByte(page, 2, 1));
        assertMalformed(withByte(withByte(page, 1, 255), 2, 255));
    }

    function test_page_refusesAnEntryWithoutItsFacet() public {
        assertMalformed(withByte(page, FIRST_ENTRY + 4, 2));
        assertMalformed(withByte(page, FIRST_ENTRY + 4, 255));
    }

    function test_page_refusesAFacetThatNoEntryUses() public {
        // each entry leads to facet 0, so facet 1 is idle; and the other way round
        for (uint8 f = 0; f < 2; ++f) {
            bytes memory idle = page;
            for (uint256 i = 0; i < 4; ++i) {
                idle = withByte(idle, FIRST_ENTRY + 5 * i + 4, f);
            }
            assertMalformed(idle);
        }
    }

    function test_page_refusesFacetsOutOfOrder() public {
        bytes memory swapped = copyOf(page);
        for (uint256 i = 0; i < 52; ++i) {
            swapped[FIRST_FACET + i] = page[FIRST_FACET + 52 + i];
            swapped[FIRST_FACET + 52 + i] = page[FIRST_FACET + i];
        }
        assertMalformed(swapped);
    }

    function test_page_refusesAFacetTwice() public {
        bytes memory twice = copyOf(page);
        for (uint256 i = 0; i < 52; ++i) {
            twice[FIRST_FACET + 52 + i] = page[FIRST_FACET + i];
        }
        assertMalformed(twice);
    }

    function test_page_refusesTheZeroFacet() public {
        bytes memory zero = copyOf(page);
        for (uint256 i = 0; i < 52; ++i) {
            zero[FIRST_FACET + i] = 0;
        }
        assertMalformed(zero);
    }

    /// @dev 256 facets and more do not fit the set of used facets; the check must not overflow there.
    function test_page_refusesMoreFacetsThanRoutesCanUse() public {
        uint256[4] memory counts = [uint256(5), 101, 256, 300];
        for (uint256 c = 0; c < 4; ++c) {
            bytes memory crowded = cut(page, FIRST_FACET);
            for (uint256 f = 0; f < counts[c]; ++f) {
                crowded = bytes.concat(crowded, abi.encodePacked(address(uint160(0x1000 + f)), bytes32(f)));
            }
            assertMalformed(crowded);
        }
    }

    function test_page_takes100Facets() public {
        vm.prank(governor);
        dispatcher.setMaxBatchSize(100);
        goLive(echoManifest(100, 100, 1));
        for (uint256 i = 0; i < 100; ++i) {
            assertAnsweredBy(selectorOf(i), i);
        }
        assertEq(dispatcher.facetAddresses().length, 100, "facets");
    }

    // ---- entries that stand wrong ----

    function test_page_refusesASelectorOfAnotherPage() public {
        Route[] memory routes = new Route[](1);
        routes[0] = routeTo(bytes4(uint32(0x0badcafd)), address(new Echo(0)));
        assertEq(uint256(0x0badcafd) % 3, 0, "its page of three");
        for (uint256 index = 1; index < 3; ++index) {
            assertPageRefused(
                PageBuilder.page(routes, 3, index),
                abi.encodeWithSelector(WrongPage.selector, routes[0].selector, index)
            );
        }
    }

    /// @dev The first selector that stands elsewhere than seed and displacements say, if there is one.
    function firstMisplaced(bytes memory page_) private pure returns (bool found, bytes4 selector) {
        uint256[] memory displacements = new uint256[](2);
        (displacements[0], displacements[1]) = (uint8(page_[5]), uint8(page_[6]));
        for (uint256 i = 0; i < 4 && !found; ++i) {
            uint256 start = FIRST_ENTRY + 5 * i;
            selector = bytes4(bytes.concat(page_[start], page_[start + 1], page_[start + 2], page_[start + 3]));
            found = PageBuilder.position(selector, 4, uint8(page_[4]), displacements) != i;
        }
    }

    function test_page_refusesASelectorOffItsEntry() public {
        uint256 refused;
        // other seeds, and other displacements of both buckets
        for (uint256 offset = 4; offset < 7; ++offset) {
            for (uint8 value = 0; value < 16; ++value) {
                bytes memory changed = withByte(page, offset, value);
                (bool found, bytes4 selector) = firstMisplaced(changed);
                if (!found) continue;
                ++refused;
                assertPageRefused(changed, abi.encodeWithSelector(MisplacedSelector.selector, selector));
            }
        }
        assertTrue(refused > 16, "most changes move a selector");
    }

    function test_page_refusesASelectorTwice() public {
        bytes memory twice = copyOf(page);
        for (uint256 i = 0; i < 4; ++i) {
            twice[FIRST_ENTRY + 5 + i] = page[FIRST_ENTRY + i];
        }
        assertPageRefused(twice, abi.encodeWithSelector(MisplacedSelector.selector, firstEntry()));
    }

    function test_page_refusesASelectorTwiceOverTwoFacets() public {
        bytes memory twice = copyOf(page);
        for (uint256 i = 0; i < 4; ++i) {
            twice[FIRST_ENTRY + 5 + i] = page[FIRST_ENTRY + i];
        }
        twice[FIRST_ENTRY + 4] = 0;
        twice[FIRST_ENTRY + 9] = bytes1(uint8(1));
        assertPageRefused(twice, abi.encodeWithSelector(MisplacedSelector.selector, firstEntry()));
    }

    /// @dev Whatever is changed in a page: if it is taken, each of its entries is what a call finds.
    function testFuzz_page_changedIsRefusedOrAnswersAsItSays(uint256 offset, uint8 value) public {
        bytes memory changed = withByte(page, offset % page.length, value);
        Manifest memory m = PageBuilder.ofPage(changed);
        commit(m.routesRoot);
        vm.prank(applier);
        (bool ok,) = address(dispatcher).call(abi.encodeCall(dispatcher.applyRoutes, (changed, new bytes32[](0), 0)));
        if (!ok) return;
        if (uint8(changed[1]) != 1) return; // one page of several
        warpBy(DELAY);
        activate();
        assertEq(dispatcher.facetAddresses().length, 2, "facets");
        for (uint256 i = 0; i < 4; ++i) {
            bytes32 entry;
            bytes32 facet;
            uint256 start = FIRST_ENTRY + 5 * i;
            assembly ("memory-safe") {
                entry := mload(add(add(changed, 0x20), start))
                let f := byte(4, entry)
                facet := mload(add(add(changed, 0x20), add(FIRST_FACET, mul(52, f))))
            }
            assertEq(dispatcher.facetAddress(bytes4(entry)), address(bytes20(facet)), "facet of the entry");
        }
    }
}
