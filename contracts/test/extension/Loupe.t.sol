// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IDiamondLoupe} from "../../src/IManifestDispatcher.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Echo} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

contract LoupeTest is DispatcherTest {
    /// @dev The loupe's answers, taken together, are these routes: each one, none twice, no others.
    function assertLoupeIs(Route[] memory routes) private view {
        Route[] memory facets = PageBuilder.facetsOf(routes);
        address[] memory addresses = dispatcher.facetAddresses();
        IDiamondLoupe.Facet[] memory all = dispatcher.facets();
        assertEq(addresses.length, facets.length, "number of facetAddresses");
        assertEq(all.length, facets.length, "number of facets");
        for (uint256 i = 0; i < addresses.length; ++i) {
            assertEq(all[i].facetAddress, addresses[i], "facets and facetAddresses agree");
            for (uint256 j = 0; j < i; ++j) {
                assertTrue(addresses[i] != addresses[j], "no facet twice");
            }
        }

        uint256 listed;
        for (uint256 i = 0; i < all.length; ++i) {
            bytes4[] memory selectors = dispatcher.facetFunctionSelectors(all[i].facetAddress);
            assertEq(
                keccak256(abi.encode(selectors)),
                keccak256(abi.encode(all[i].functionSelectors)),
                "facets and facetFunctionSelectors agree"
            );
            listed += selectors.length;
        }
        assertEq(listed, routes.length, "number of selectors");

        for (uint256 r = 0; r < routes.length; ++r) {
            assertEq(dispatcher.facetAddress(routes[r].selector), routes[r].facet, "facetAddress");
            uint256 found;
            for (uint256 i = 0; i < all.length; ++i) {
                if (all[i].facetAddress != routes[r].facet) continue;
                for (uint256 s = 0; s < all[i].functionSelectors.length; ++s) {
                    if (all[i].functionSelectors[s] == routes[r].selector) ++found;
                }
            }
            assertEq(found, 1, "selector under its facet, once");
        }
    }

    function assertEmpty() private view {
        assertEq(dispatcher.facets().length, 0, "facets");
        assertEq(dispatcher.facetAddresses().length, 0, "facetAddresses");
        assertEq(dispatcher.facetFunctionSelectors(address(0)).length, 0, "selectors of the zero address");
        assertEq(dispatcher.facetAddress(selectorOf(0)), address(0), "facetAddress");
        assertEq(dispatcher.facetAddress(0x00000000), address(0), "facetAddress of selector zero");
    }

    function test_loupe_isEmptyBeforeTheFirstManifest() public view {
        assertEmpty();
    }

    function test_loupe_ofOneRoute() public {
        Route[] memory routes = echoRoutes(1, 1);
        goLive(PageBuilder.build(routes, 1));
        assertLoupeIs(routes);
    }

    function test_loupe_ofOnePage() public {
        Route[] memory routes = echoRoutes(30, 4);
        goLive(PageBuilder.build(routes, 1));
        assertLoupeIs(routes);
    }

    function test_loupe_ofSeveralPages() public {
        Route[] memory routes = echoRoutes(60, 5);
        goLive(PageBuilder.build(routes, 6));
        assertLoupeIs(routes);
    }

    function test_loupe_ofAFacetOnOnePageOfSeveral() public {
        Route[] memory routes = echoRoutes(40, 1);
        routes[17] = routeTo(routes[17].selector, address(new Echo(3)));
        goLive(PageBuilder.build(routes, 4));
        assertLoupeIs(routes);
    }

    function testFuzz_loupe_isTheManifest(uint256 n, uint256 facets, uint256 pages, uint256 salt) public {
        n = bound(n, 1, 16);
        facets = bound(facets, 1, 5);
        pages = bound(pages, 1, 3);
        Route[] memory routes = echoRoutes(n, facets > n ? n : facets);
        for (uint256 i = 0; i < n; ++i) {
            routes[i].selector = bytes4(keccak256(abi.encode(salt, i)));
            vm.assume(!dispatcher.isReserved(routes[i].selector));
        }
        for (uint256 p = 0; p < pages; ++p) {
            vm.assume(PageBuilder.select(routes, pages, p).length != 0);
        }
        goLive(PageBuilder.build(routes, pages));
        assertLoupeIs(routes);
    }

    function test_loupe_followsTheNextManifest() public {
        goLive(PageBuilder.build(echoRoutes(20, 3), 3));
        Route[] memory routes = echoRoutes(7, 2);
        goLive(PageBuilder.build(routes, 1));
        assertLoupeIs(routes);
        for (uint256 i = 7; i < 20; ++i) {
            assertEq(dispatcher.facetAddress(selectorOf(i)), address(0), "route of the old manifest");
        }
    }

    function test_loupe_doesNotShowWhatIsPending() public {
        Route[] memory routes = echoRoutes(5, 2);
        goLive(PageBuilder.build(routes, 1));
        Manifest memory m = echoManifest(9, 3, 2);
        commit(m.routesRoot);
        stage(m);
        warpBy(DELAY);
        assertLoupeIs(routes);
    }

    function test_loupe_doesNotShowTheDispatchersOwnFunctions() public {
        goLive(PageBuilder.build(echoRoutes(5, 2), 1));
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        for (uint256 i = 0; i < reserved.length; ++i) {
            assertEq(dispatcher.facetAddress(reserved[i]), address(0), "facetAddress");
        }
        assertEq(dispatcher.facetFunctionSelectors(address(dispatcher)).length, 0, "selectors of the dispatcher");
        assertEq(dispatcher.facetFunctionSelectors(extension).length, 0, "selectors of the extension");
        assertEq(dispatcher.facetFunctionSelectors(stranger).length, 0, "selectors of a stranger");
    }

    function test_erc165_interfaces() public view {
        assertTrue(dispatcher.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(dispatcher.supportsInterface(0x48e2b093), "loupe");
        assertTrue(dispatcher.supportsInterface(0x7965db0b), "AccessControl");
        assertTrue(!dispatcher.supportsInterface(0xffffffff), "the invalid interface");
        assertTrue(!dispatcher.supportsInterface(0x1f931c1c), "diamondCut");
        assertEq(bytes32(type(IDiamondLoupe).interfaceId), bytes32(bytes4(0x48e2b093)), "loupe of EIP-2535");
        assertEq(bytes32(type(IAccessControl).interfaceId), bytes32(bytes4(0x7965db0b)), "AccessControl");
    }

    function testFuzz_erc165_noOtherInterface(bytes4 id) public view {
        vm.assume(id != 0x01ffc9a7 && id != 0x48e2b093 && id != 0x7965db0b);
        assertTrue(!dispatcher.supportsInterface(id), "interface");
    }
}
