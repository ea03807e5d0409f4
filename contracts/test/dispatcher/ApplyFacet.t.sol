// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Echo} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

/// @dev What may be a facet, and the pin of its code.
contract ApplyFacetTest is DispatcherTest {
    using PageBuilder for Manifest;

    address private constant FACET = address(0xFACE7);

    function assertFacetRefused(address facet, bytes32 pin, bytes memory err) private {
        Route[] memory routes = new Route[](1);
        routes[0] = Route(selectorOf(0), facet, pin);
        Manifest memory m = PageBuilder.build(routes, 1);
        commit(m.routesRoot);
        vm.expectRevert(err);
        stage(m);
    }

    function test_facet_refusesAnAccountThatDoesNotExist() public {
        assertFacetRefused(FACET, FACET.codehash, abi.encodeWithSelector(CodeMissing.selector, FACET));
    }

    function test_facet_refusesAnAccountWithoutCode() public {
        vm.deal(FACET, 1);
        assertEq(FACET.codehash, keccak256(""), "it exists");
        assertFacetRefused(FACET, FACET.codehash, abi.encodeWithSelector(CodeMissing.selector, FACET));
    }

    function test_facet_refusesTheDispatcher() public {
        address self = address(dispatcher);
        assertFacetRefused(self, self.codehash, abi.encodeWithSelector(CodeForbidden.selector, self));
    }

    function test_facet_refusesADelegatedAccount() public {
        vm.etch(FACET, abi.encodePacked(hex"ef0100", address(new Echo(0))));
        assertFacetRefused(FACET, FACET.codehash, abi.encodeWithSelector(CodeForbidden.selector, FACET));
    }

    function test_facet_refusesCodeThatBeginsWithZero() public {
        vm.etch(FACET, hex"00");
        assertFacetRefused(FACET, FACET.codehash, abi.encodeWithSelector(CodeForbidden.selector, FACET));
    }

    function test_facet_refusesAPage() public {
        Manifest memory m = echoManifest(2, 1, 1);
        commit(m.routesRoot);
        stage(m);
        address page = dispatcher.pageAddress(m.routesRoot, 0);
        assertFacetRefused(page, page.codehash, abi.encodeWithSelector(CodeForbidden.selector, page));
    }

    function testFuzz_facet_onlyTwoFirstBytesAreForbidden(uint8 first) public {
        vm.assume(first != 0xef && first != 0);
        vm.etch(FACET, abi.encodePacked(first, hex"00ef"));
        Manifest memory m = manifestOf(selectorOf(0), FACET);
        commit(m.routesRoot);
        stage(m);
        assertTrue(dispatcher.pageAddress(m.routesRoot, 0).code.length != 0, "staged");
    }

    function testFuzz_facet_refusesAnotherPin(bytes32 pin) public {
        address facet = address(new Echo(0));
        vm.assume(pin != facet.codehash);
        assertFacetRefused(
            facet, pin, abi.encodeWithSelector(CodehashMismatch.selector, selectorOf(0), pin, facet.codehash)
        );
    }

    function test_facet_mismatchNamesASelectorOfThatFacet() public {
        Route[] memory routes = echoRoutes(3, 3);
        bytes32 pin = keccak256("other code");
        for (uint256 r = 0; r < 3; ++r) {
            bytes32 live = routes[r].codeHash;
            routes[r].codeHash = pin;
            Manifest memory m = PageBuilder.build(routes, 1);
            commit(m.routesRoot);
            vm.expectRevert(abi.encodeWithSelector(CodehashMismatch.selector, routes[r].selector, pin, live));
            stage(m);
            routes[r].codeHash = live;
        }
    }

    function test_facet_refusesCodeChangedSinceCommit() public {
        address facet = address(new Echo(0));
        bytes32 pin = facet.codehash;
        Manifest memory m = manifestOf(selectorOf(0), facet);
        commit(m.routesRoot);
        vm.etch(facet, address(new Echo(1)).code);
        vm.expectRevert(abi.encodeWithSelector(CodehashMismatch.selector, selectorOf(0), pin, facet.codehash));
        stage(m);
    }

    // ---- selectors of the dispatcher's own ----

    function test_apply_refusesEveryReservedSelector() public {
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        address facet = address(new Echo(0));
        for (uint256 i = 0; i < reserved.length; ++i) {
            Manifest memory m = manifestOf(reserved[i], facet);
            commit(m.routesRoot);
            vm.expectRevert(abi.encodeWithSelector(SelectorReserved.selector, reserved[i]));
            stage(m);
        }
    }

    function test_apply_refusesAReservedSelectorAmongOthers() public {
        Route[] memory routes = echoRoutes(9, 2);
        routes[4].selector = dispatcher.unpause.selector;
        Manifest memory m = PageBuilder.build(routes, 1);
        commit(m.routesRoot);
        vm.expectRevert(abi.encodeWithSelector(SelectorReserved.selector, dispatcher.unpause.selector));
        stage(m);
    }

    /// @dev The first check is by the last byte alone: a selector that shares it with a reserved one is not reserved.
    function test_apply_takesANeighbourOfEachReservedSelector() public {
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        address facet = address(new Echo(0));
        for (uint256 i = 0; i < reserved.length; ++i) {
            bytes4 neighbour = reserved[i] ^ bytes4(uint32(0x01000000));
            Manifest memory m = manifestOf(neighbour, facet);
            commit(m.routesRoot);
            stage(m);
            assertTrue(dispatcher.pageAddress(m.routesRoot, 0).code.length != 0, "staged");
        }
    }
}
