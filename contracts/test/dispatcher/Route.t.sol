// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DispatcherTest} from "../DispatcherTest.sol";
import {Counter, Echo, GuardedFacet, Reentrant, Thrower} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

contract RouteTest is DispatcherTest {
    using PageBuilder for Manifest;

    bytes4 private constant ECHO = 0xec40ec40;

    function liveEcho(bytes4 selector) private {
        goLive(manifestOf(selector, address(new Echo(5))));
    }

    // ---- what a facet sees and gives ----

    function testFuzz_route_passesTheCallOnAndTheAnswerBack(address sender, uint96 value, bytes calldata args) public {
        liveEcho(ECHO);
        bytes memory data = bytes.concat(ECHO, args);
        vm.deal(sender, value);
        vm.prank(sender);
        (bool ok, bytes memory result) = address(dispatcher).call{value: value}(data);
        assertTrue(ok, "routed call");
        assertEq(result, abi.encode(5, address(dispatcher), sender, uint256(value), data), "answer");
        assertEq(address(dispatcher).balance, value, "value stays with the dispatcher");
    }

    function test_route_givesBackAnEmptyAnswer() public {
        goLive(manifestOf(Counter.increment.selector, address(new Counter())));
        assertEq(route(abi.encodeCall(Counter.increment, ())), "", "answer");
    }

    function test_route_givesBackALongAnswer() public {
        liveEcho(ECHO);
        bytes memory data = bytes.concat(ECHO, new bytes(20_000));
        assertEq(route(data), abi.encode(5, address(dispatcher), address(this), 0, data), "answer");
    }

    function test_route_passesRevertDataBack() public {
        address thrower = address(new Thrower());
        Route[] memory routes = new Route[](3);
        routes[0] = routeTo(Thrower.custom.selector, thrower);
        routes[1] = routeTo(Thrower.withReason.selector, thrower);
        routes[2] = routeTo(Thrower.silent.selector, thrower);
        goLive(PageBuilder.build(routes, 1));
        assertRefused(
            abi.encodeCall(Thrower.custom, (77)), abi.encodeWithSelector(Thrower.Refused.selector, address(this), 77)
        );
        assertRefused(abi.encodeCall(Thrower.withReason, ()), abi.encodeWithSignature("Error(string)", "the reason"));
        assertRefused(abi.encodeCall(Thrower.silent, ()), "");
    }

    function test_route_runsOnTheDispatchersStorage() public {
        Counter counter = new Counter();
        Route[] memory routes = new Route[](2);
        routes[0] = routeTo(Counter.increment.selector, address(counter));
        routes[1] = routeTo(counter.count.selector, address(counter));
        goLive(PageBuilder.build(routes, 1));
        Counter proxied = Counter(address(dispatcher));
        proxied.increment();
        proxied.increment();
        assertEq(proxied.count(), 2, "count of the dispatcher");
        assertEq(uint256(vm.load(address(dispatcher), 0)), 2, "slot 0 of the dispatcher");
        assertEq(counter.count(), 0, "count of the facet");
    }

    function test_route_keepsStorageOverManifests() public {
        goLive(manifestOf(Counter.increment.selector, address(new Counter())));
        Counter(address(dispatcher)).increment();
        Counter counter = new Counter();
        goLive(manifestOf(counter.count.selector, address(counter)));
        assertEq(Counter(address(dispatcher)).count(), 1, "count");
    }

    /// @dev A facet may inherit OpenZeppelin's roles and pause: those of the dispatcher are elsewhere.
    function test_route_facetsOwnRolesAreNotTheDispatchers() public {
        address guarded = address(new GuardedFacet());
        Route[] memory routes = new Route[](4);
        routes[0] = routeTo(GuardedFacet.grantOwn.selector, guarded);
        routes[1] = routeTo(GuardedFacet.hasOwn.selector, guarded);
        routes[2] = routeTo(GuardedFacet.pauseOwn.selector, guarded);
        routes[3] = routeTo(GuardedFacet.pausedOwn.selector, guarded);
        goLive(PageBuilder.build(routes, 1));
        GuardedFacet facet = GuardedFacet(address(dispatcher));
        bytes32 before = keccak256(abi.encode(dispatcher.dispatcherState()));
        facet.grantOwn(ADMIN_ROLE, stranger);
        facet.grantOwn(EMERGENCY_ROLE, stranger);
        facet.pauseOwn();
        assertTrue(facet.hasOwn(ADMIN_ROLE, stranger), "role of the facet");
        assertTrue(facet.pausedOwn(), "pause of the facet");
        assertTrue(!dispatcher.hasRole(ADMIN_ROLE, stranger), "role of the dispatcher");
        assertTrue(!dispatcher.hasRole(EMERGENCY_ROLE, stranger), "role of the dispatcher");
        assertTrue(!facet.hasOwn(ADMIN_ROLE, admin), "the dispatcher's admin in the facet");
        assertEq(keccak256(abi.encode(dispatcher.dispatcherState())), before, "state of the dispatcher");
    }

    function test_route_reentrancyIsAPlainCall() public {
        address reentrant = address(new Reentrant());
        Route[] memory routes = echoRoutes(1, 1);
        Route[] memory both = new Route[](2);
        both[0] = routes[0];
        both[1] = routeTo(ECHO, reentrant);
        goLive(PageBuilder.build(both, 1));
        // another route, with the dispatcher as the sender
        bytes memory inner = abi.encodePacked(selectorOf(0));
        assertEq(
            route(bytes.concat(ECHO, inner)),
            abi.encode(0, address(dispatcher), address(dispatcher), 0, inner),
            "answer"
        );
        assertRefused(
            bytes.concat(ECHO, abi.encodeCall(dispatcher.pause, ())), unauthorized(address(dispatcher), PAUSER_ROLE)
        );
    }

    // ---- selectors ----

    function testFuzz_route_unknownSelectorIsNamed(bytes4 selector, bytes calldata args) public {
        goLive(echoManifest(30, 3, 3));
        vm.assume(!dispatcher.isReserved(selector));
        for (uint256 i = 0; i < 30; ++i) {
            vm.assume(selector != selectorOf(i));
        }
        assertRefused(bytes.concat(selector, args), abi.encodeWithSelector(UnknownSelector.selector, selector));
    }

    function test_route_beforeTheFirstManifestEverySelectorIsUnknown() public {
        assertUnrouted(0xdeadbeef);
        assertUnrouted(0x00000000);
        assertRefused("", abi.encodeWithSelector(UnknownSelector.selector, bytes4(0)));
    }

    function test_route_emptyCalldataIsSelectorZero() public {
        vm.deal(address(this), 3);
        (bool ok, bytes memory result) = address(dispatcher).call{value: 1}("");
        assertTrue(!ok, "no such route");
        assertEq(result, abi.encodeWithSelector(UnknownSelector.selector, bytes4(0)), "revert data");

        liveEcho(0x00000000);
        (ok,) = address(dispatcher).call{value: 2}("");
        assertTrue(ok, "plain transfer");
        assertEq(address(dispatcher).balance, 2, "balance");
        (ok, result) = address(dispatcher).call(abi.encodePacked(bytes4(0), "data"));
        assertTrue(ok, "selector zero");
        assertEq(
            result, abi.encode(5, address(dispatcher), address(this), 0, abi.encodePacked(bytes4(0), "data")), "answer"
        );
    }

    function test_route_shortCalldataIsPaddedWithZeros() public {
        liveEcho(0xab000000);
        assertEq(route(hex"ab"), abi.encode(5, address(dispatcher), address(this), 0, hex"ab"), "answer");
        assertRefused(hex"ac", abi.encodeWithSelector(UnknownSelector.selector, bytes4(0xac000000)));
    }

    function test_route_everyRouteOfSixPages() public {
        goLive(echoManifest(60, 7, 6));
        for (uint256 i = 0; i < 60; ++i) {
            assertAnsweredBy(selectorOf(i), i % 7);
        }
        for (uint256 i = 60; i < 90; ++i) {
            assertUnrouted(selectorOf(i));
        }
    }

    function test_route_everyRouteOfAPageOf64() public {
        vm.prank(governor);
        dispatcher.setMaxBatchSize(100);
        goLive(echoManifest(64, 7, 1));
        for (uint256 i = 0; i < 64; ++i) {
            assertAnsweredBy(selectorOf(i), i % 7);
        }
        for (uint256 i = 64; i < 200; ++i) {
            assertUnrouted(selectorOf(i));
        }
    }

    // ---- the gate: live code equals pinned code at every call ----

    function test_gate_stopsCallsToChangedCode() public {
        Route[] memory routes = echoRoutes(9, 3);
        goLive(PageBuilder.build(routes, 2));
        bytes memory code = routes[1].facet.code;
        vm.etch(routes[1].facet, address(new Echo(8)).code);
        for (uint256 i = 0; i < 9; ++i) {
            if (i % 3 != 1) {
                assertAnsweredBy(selectorOf(i), i % 3);
                continue;
            }
            assertRefused(
                abi.encodePacked(selectorOf(i)),
                abi.encodeWithSelector(
                    CodehashMismatch.selector, selectorOf(i), routes[1].codeHash, routes[1].facet.codehash
                )
            );
        }
        vm.etch(routes[1].facet, code);
        assertAnsweredBy(selectorOf(1), 1);
    }

    /// @dev A delegatecall to an account without code would succeed and do nothing.
    function test_gate_stopsCallsToAFacetWithoutCode() public {
        Route[] memory routes = echoRoutes(1, 1);
        goLive(PageBuilder.build(routes, 1));
        vm.etch(routes[0].facet, "");
        assertRefused(
            abi.encodePacked(selectorOf(0)),
            abi.encodeWithSelector(
                CodehashMismatch.selector, selectorOf(0), routes[0].codeHash, routes[0].facet.codehash
            )
        );
    }
}
