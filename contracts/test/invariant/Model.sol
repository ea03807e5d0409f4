// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IManifestDispatcher} from "../../src/IManifestDispatcher.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Echo} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";
import {Actor, Callback, Initializer, IWitness} from "./Actors.sol";

/// @dev What the specification says of the dispatcher, kept in plain variables: who holds which role, what is pending
/// since when, what is live. For each call it gives the reasons to refuse it; a call without one must succeed, and a
/// refused call must name one of its reasons, whichever the dispatcher comes upon first.
abstract contract Model is DispatcherTest, IWitness {
    using PageBuilder for Manifest;

    /// @dev A manifest that may be committed, well formed or not.
    struct Case {
        bytes32 routesRoot;
        Route[] routes;
        bytes[] pages;
        bytes32[][] proofs;
        /// @dev For each page the error with which its bytes are refused whatever the state; empty if there is none.
        bytes[] flaws;
        /// @dev Its pages can be staged, but do not agree on their number.
        bool disagrees;
    }

    struct InitCall {
        address init;
        bytes data;
        /// @dev As its root names it, whatever code is there later.
        bytes32 initHash;
        /// @dev The error with which it ends; empty if it succeeds.
        bytes failure;
    }

    /// @dev The manifest and the init call that a root names; init call 0 is none.
    struct Named {
        bool known;
        uint256 number;
        uint256 init;
    }

    struct Pending {
        bytes32 root;
        uint256 since;
        uint256 limit;
    }

    struct Live {
        bytes32 root;
        bytes32 routesRoot;
        uint256 epoch;
        bool known;
        uint256 number;
    }

    struct Reasons {
        bytes[] all;
        uint256 count;
    }

    uint256 internal constant GOOD_CASES = 5;
    uint256 internal constant GOOD_INITS = 4;
    uint256 internal constant ACTORS = 9;
    bytes4 internal constant CALLBACK = 0xca11bac0;
    /// @dev Never facets or inits: without code, with an EIP-7702 delegation, with code that stops at once.
    address internal constant EMPTY = address(0xE0);
    address internal constant DELEGATED = address(0xE1);
    address internal constant STOPPED = address(0xE2);

    Case[] internal cases;
    InitCall[] internal inits;
    mapping(bytes32 root => Named) internal named;
    bytes32[] internal roots;
    /// @dev Each selector that stands in a case.
    bytes4[] internal selectors;
    mapping(bytes4 selector => uint256[] numbers) private casesOf;
    /// @dev Facets and inits whose code is replaced at times, and the code they were created with.
    address[] internal changeable;
    bytes[] internal changeableCode;
    /// @dev The first holds all roles and never loses DEFAULT_ADMIN_ROLE; the last is the dispatcher.
    address[] internal actors;
    bytes32[] internal allRoles;

    uint256 internal time;
    Pending internal pending;
    Live internal live;
    bool internal isPaused;
    uint256 internal grace = 60;
    uint256 internal limit = 50;
    mapping(address account => mapping(bytes32 role => bool)) internal holds;
    mapping(bytes32 routesRoot => mapping(uint256 page => bool)) internal staged;
    mapping(bytes32 root => bytes32 routesRoot) internal initialized;
    mapping(uint256 number => bool) internal everLive;

    // ---- the world ----

    function setUp() public virtual override {
        time = START;
        vm.warp(time);
        allRoles = [ADMIN_ROLE, GOVERNANCE_ROLE, COMMIT_ROLE, APPLY_ROLE, PAUSER_ROLE, EMERGENCY_ROLE];
        for (uint256 i = 0; i < ACTORS; ++i) {
            actors.push(address(new Actor()));
        }
        deploy();
        actors.push(address(dispatcher));
        // actor 0 holds all, actors 1 to 5 one each, actor 6 two, actors 7 and 8 none
        holds[actors[0]][ADMIN_ROLE] = true;
        for (uint256 r = 1; r < 6; ++r) {
            enroll(actors[0], allRoles[r]);
            enroll(actors[r], allRoles[r]);
        }
        enroll(actors[6], COMMIT_ROLE);
        enroll(actors[6], APPLY_ROLE);
        addCases();
        addInits();
        addRoots();
    }

    function deploy() internal virtual {
        extension = create(vm.getCode("DispatcherExtension.sol:DispatcherExtension"));
        dispatcher = IManifestDispatcher(create(dispatcherCode(extension, DELAY, actors[0])));
    }

    function enroll(address account, bytes32 role) private {
        holds[account][role] = true;
        Actor(actors[0]).call(address(dispatcher), abi.encodeCall(dispatcher.grantRole, (role, account)));
    }

    function addCases() private {
        address[] memory facets = new address[](5);
        for (uint256 f = 0; f < 4; ++f) {
            facets[f] = address(new Echo(f));
            addChangeable(facets[f]);
        }
        facets[4] = address(new Callback(this));
        addChangeable(facets[4]);

        // good ones: the same selectors on other facets, other pages, other numbers of pages
        addGood(routesOf(0, 1, facets, 0, 1), 1);
        addGood(routesOf(0, 5, facets, 0, 2), 1);
        Route[] memory routes = routesOf(0, 9, facets, 1, 3);
        routes[0].selector = 0x00000000;
        addGood(routes, 3);
        routes = routesOf(5, 6, facets, 2, 2);
        routes[0] = routeTo(CALLBACK, facets[4]);
        addGood(routes, 2);
        addGood(routesOf(0, 11, facets, 3, 1), 1); // more than the least limit on one page

        address steady = address(new Echo(50));
        routes = new Route[](1);
        routes[0] = routeTo(bytes4(uint32(2)), steady);
        bytes[] memory pages = new bytes[](2);
        pages[0] = PageBuilder.page(routes, 2, 0);
        pages[1] = PageBuilder.page(routesAt(uint32(4), steady), 3, 1);
        addCase(routes, pages).disagrees = true;

        // those that no page may hold
        addFlawed(selectorOf(20), EMPTY, abi.encodeWithSelector(CodeMissing.selector, EMPTY));
        addFlawed(
            selectorOf(21), address(dispatcher), abi.encodeWithSelector(CodeForbidden.selector, address(dispatcher))
        );
        vm.etch(DELEGATED, abi.encodePacked(hex"ef0100", steady));
        addFlawed(selectorOf(22), DELEGATED, abi.encodeWithSelector(CodeForbidden.selector, DELEGATED));
        vm.etch(STOPPED, hex"00");
        addFlawed(selectorOf(23), STOPPED, abi.encodeWithSelector(CodeForbidden.selector, STOPPED));
        bytes4 own = dispatcher.pause.selector;
        addFlawed(own, steady, abi.encodeWithSelector(SelectorReserved.selector, own));

        // a page at another index
        routes = routesAt(uint32(0xabc4), steady);
        pages = new bytes[](3);
        pages[0] = PageBuilder.page(routesAt(uint32(0xabc3), steady), 3, 0);
        pages[1] = PageBuilder.page(routes, 3, 1);
        pages[2] = PageBuilder.page(routes, 3, 2);
        addCase(routes, pages).flaws[2] = abi.encodeWithSelector(WrongPage.selector, routes[0].selector, 2);
        // a part of a page
        pages = new bytes[](1);
        pages[0] = PageBuilder.page(routesOf(24, 2, facets, 0, 2), 1, 0);
        bytes memory half = pages[0];
        assembly ("memory-safe") {
            mstore(half, sub(mload(half), 52))
        }
        addCase(routes, pages).flaws[0] = abi.encodeWithSelector(MalformedPage.selector);
    }

    /// @dev `n` routes from selector `first` on, over `m` facets from facet `f` on, in turn.
    function routesOf(uint256 first, uint256 n, address[] memory facets, uint256 f, uint256 m)
        private
        view
        returns (Route[] memory routes)
    {
        routes = new Route[](n);
        for (uint256 i = 0; i < n; ++i) {
            routes[i] = routeTo(selectorOf(first + i), facets[f + i % m]);
        }
    }

    function routesAt(uint32 selector, address facet) private view returns (Route[] memory routes) {
        routes = new Route[](1);
        routes[0] = routeTo(bytes4(selector), facet);
    }

    function addGood(Route[] memory routes, uint256 pages) private {
        addCase(routes, PageBuilder.build(routes, pages).pages);
    }

    function addFlawed(bytes4 selector, address facet, bytes memory flaw) private {
        Route[] memory routes = routesAt(uint32(selector), facet);
        addCase(routes, PageBuilder.build(routes, 1).pages).flaws[0] = flaw;
    }

    function addCase(Route[] memory routes, bytes[] memory pages) private returns (Case storage c) {
        Manifest memory m = PageBuilder.ofPages(pages);
        c = cases.push();
        c.routesRoot = m.routesRoot;
        for (uint256 i = 0; i < routes.length; ++i) {
            c.routes.push(routes[i]);
            uint256[] storage all = casesOf[routes[i].selector];
            if (all.length == 0) selectors.push(routes[i].selector);
            all.push(cases.length - 1);
        }
        for (uint256 p = 0; p < pages.length; ++p) {
            c.pages.push(pages[p]);
            c.proofs.push(m.proof(p));
            c.flaws.push("");
        }
    }

    function addInits() private {
        inits.push(); // none
        address init = address(new Initializer(this));
        addChangeable(init);
        addInit(init, abi.encodeCall(Initializer.run, (1)), "");
        addInit(init, abi.encodeCall(Initializer.run, (2)), "");
        addInit(changeable[4], abi.encodeCall(Callback.run, (3)), "");
        addInit(init, abi.encodeCall(Initializer.fail, ()), abi.encodeWithSelector(Initializer.Failed.selector));
        addInit(EMPTY, "", "");
        addInit(DELEGATED, "", "");
        addInit(STOPPED, "", "");
        addInit(address(dispatcher), abi.encodeCall(dispatcher.delay, ()), "");
    }

    function addInit(address init, bytes memory data, bytes memory failure) private {
        inits.push(InitCall(init, data, initHashOf(init, data), failure));
    }

    function addRoots() private {
        for (uint256 c = 0; c < cases.length; ++c) {
            for (uint256 i = 0; i < inits.length; ++i) {
                bytes32 root = rootOf(c, i);
                named[root] = Named(true, c, i);
                roots.push(root);
            }
        }
    }

    function addChangeable(address account) private {
        changeable.push(account);
        changeableCode.push(account.code);
    }

    function rootOf(uint256 number, uint256 init) internal view returns (bytes32) {
        bytes32 routesRoot = cases[number].routesRoot;
        return init == 0 ? routesRoot : rootWithInit(routesRoot, inits[init].initHash);
    }

    // ---- what is live ----

    /// @notice The route of a selector in the live manifest.
    function liveRoute(bytes4 selector) public view returns (bool found, Route memory route_) {
        if (!live.known) return (false, route_);
        Route[] storage routes = cases[live.number].routes;
        for (uint256 i = 0; i < routes.length; ++i) {
            if (routes[i].selector == selector) return (true, routes[i]);
        }
    }

    // ---- reasons to refuse ----

    function add(Reasons memory r, bytes memory err) internal pure {
        r.all[r.count++] = err;
    }

    function needRole(Reasons memory r, address actor, bytes32 role) internal view {
        if (!holds[actor][role]) add(r, unauthorized(actor, role));
    }

    /// @return Whether a root is pending that can still be used.
    function needPending(Reasons memory r) private view returns (bool) {
        uint256 deadline = pending.since + DELAY + WINDOW;
        if (pending.root == 0) add(r, abi.encodeWithSelector(NothingPending.selector));
        else if (time > deadline) add(r, abi.encodeWithSelector(ManifestExpired.selector, deadline, time));
        else return true;
        return false;
    }

    function needBounds(Reasons memory r, uint256 value, uint256 min, uint256 max) private pure {
        if (value < min || value > max) add(r, abi.encodeWithSelector(OutOfBounds.selector, value, min, max));
    }

    function needCode(Reasons memory r, address account) private view {
        bytes memory code = account.code;
        if (code.length == 0) add(r, abi.encodeWithSelector(CodeMissing.selector, account));
        else if (isForbidden(account)) add(r, abi.encodeWithSelector(CodeForbidden.selector, account));
    }

    /// @dev This account may be neither facet nor init.
    function isForbidden(address account) internal view returns (bool) {
        bytes memory code = account.code;
        return code.length == 0 || code[0] == 0xef || code[0] == 0x00 || account == address(dispatcher);
    }

    /// @dev Each route that belongs on the page names the code of its facet.
    function needPins(Reasons memory r, Case storage c, uint256 page) private view {
        for (uint256 i = 0; i < c.routes.length; ++i) {
            Route memory route_ = c.routes[i];
            if (uint32(route_.selector) % c.pages.length == page) needPin(r, route_);
        }
    }

    function needPin(Reasons memory r, Route memory route_) private view {
        bytes32 got = route_.facet.codehash;
        if (got == route_.codeHash) return;
        add(r, abi.encodeWithSelector(CodehashMismatch.selector, route_.selector, route_.codeHash, got));
    }

    function commitReasons(Reasons memory r, address actor, bytes32 root, uint64 epoch) internal view {
        needRole(r, actor, COMMIT_ROLE);
        if (root == 0) add(r, abi.encodeWithSelector(ZeroRoot.selector));
        uint256 next = live.epoch + 1;
        if (epoch != next) add(r, abi.encodeWithSelector(WrongEpoch.selector, epoch, next));
        if (root != 0 && root == pending.root && time <= pending.since + DELAY + WINDOW) {
            add(r, abi.encodeWithSelector(AlreadyPending.selector, root));
        }
    }

    function applyReasons(
        Reasons memory r,
        address actor,
        uint256 number,
        uint256 page,
        bool rightProof,
        bytes32 initHash
    ) internal view {
        needRole(r, actor, APPLY_ROLE);
        if (!needPending(r)) return;
        Case storage c = cases[number];
        bytes32 root = initHash == 0 ? c.routesRoot : rootWithInit(c.routesRoot, initHash);
        if (!rightProof || root != pending.root) {
            add(r, abi.encodeWithSelector(InvalidProof.selector, pending.root));
            return;
        }
        if (c.flaws[page].length != 0) {
            add(r, c.flaws[page]);
            return;
        }
        uint256 n = uint8(c.pages[page][3]);
        if (n > pending.limit) add(r, abi.encodeWithSelector(PageTooLarge.selector, n, pending.limit));
        for (uint256 i = 0; i < c.routes.length; ++i) {
            if (uint32(c.routes[i].selector) % c.pages.length == page) needCode(r, c.routes[i].facet);
        }
        needPins(r, c, page);
        if (staged[c.routesRoot][page]) {
            add(r, abi.encodeWithSelector(PageAlreadyStaged.selector, c.routesRoot, page));
        }
    }

    function activateReasons(Reasons memory r, address actor) internal view {
        needRole(r, actor, APPLY_ROLE);
        if (needPending(r)) stagedReasons(r, pending.root);
    }

    function activateAndCallReasons(Reasons memory r, address actor, bytes32 routesRoot, uint256 number) internal view {
        needRole(r, actor, APPLY_ROLE);
        if (!needPending(r)) return;
        InitCall storage call_ = inits[number];
        if (rootWithInit(routesRoot, initHashOf(call_.init, call_.data)) != pending.root) {
            add(r, abi.encodeWithSelector(InitMismatch.selector, pending.root));
            return;
        }
        if (initialized[pending.root] != 0) add(r, abi.encodeWithSelector(InitAlreadyRun.selector, pending.root));
        needCode(r, call_.init);
        stagedReasons(r, routesRoot);
        if (r.count == 0 && call_.failure.length != 0) add(r, call_.failure);
    }

    /// @dev Of the pages of a routesRoot, and of the time.
    function stagedReasons(Reasons memory r, bytes32 routesRoot) private view {
        uint256 eta = pending.since + DELAY;
        if (time < eta) add(r, abi.encodeWithSelector(ActivationNotReady.selector, eta, time));
        Named memory name = named[routesRoot];
        // nothing is ever staged for a root that names no pages
        if (!name.known || name.init != 0) {
            add(r, abi.encodeWithSelector(PageMissing.selector, routesRoot, 0));
            return;
        }
        Case storage c = cases[name.number];
        for (uint256 p = 0; p < c.pages.length; ++p) {
            if (staged[routesRoot][p]) needPins(r, c, p);
            else add(r, abi.encodeWithSelector(PageMissing.selector, routesRoot, p));
        }
        if (c.disagrees) add(r, abi.encodeWithSelector(MalformedPage.selector));
    }

    function cancelReasons(Reasons memory r, address actor) internal view {
        needRole(r, actor, EMERGENCY_ROLE);
        if (pending.root == 0) add(r, abi.encodeWithSelector(NothingPending.selector));
    }

    function pauseReasons(Reasons memory r, address actor, bool value) internal view {
        if (!value) needRole(r, actor, EMERGENCY_ROLE);
        else if (!holds[actor][EMERGENCY_ROLE]) needRole(r, actor, PAUSER_ROLE);
        if (isPaused == value) add(r, abi.encodeWithSelector(PauseUnchanged.selector, value));
    }

    function graceReasons(Reasons memory r, address actor, uint256 value) internal view {
        needRole(r, actor, GOVERNANCE_ROLE);
        needBounds(r, value, 30, 300);
    }

    function limitReasons(Reasons memory r, address actor, uint256 value) internal view {
        needRole(r, actor, GOVERNANCE_ROLE);
        needBounds(r, value, 10, 100);
    }

    function roleReasons(Reasons memory r, address actor, bytes32 role) internal view {
        needRole(r, actor, ADMIN_ROLE);
        needKnown(r, role);
    }

    function renounceReasons(Reasons memory r, address actor, bytes32 role, address confirmed) internal view {
        if (actor != confirmed) add(r, abi.encodeWithSelector(IAccessControl.AccessControlBadConfirmation.selector));
        needKnown(r, role);
    }

    function needKnown(Reasons memory r, bytes32 role) private view {
        for (uint256 i = 0; i < allRoles.length; ++i) {
            if (allRoles[i] == role) return;
        }
        add(r, abi.encodeWithSelector(UnknownRole.selector, role));
    }

    function callReasons(Reasons memory r, bytes4 selector) internal view {
        (bool found, Route memory route_) = liveRoute(selector);
        if (!found) {
            add(r, abi.encodeWithSelector(UnknownSelector.selector, selector));
            return;
        }
        if (isPaused) add(r, abi.encodeWithSelector(DispatcherPaused.selector));
        needPin(r, route_);
    }

    function among(Reasons memory r, bytes memory err) internal pure returns (bool) {
        for (uint256 i = 0; i < r.count; ++i) {
            if (keccak256(r.all[i]) == keccak256(err)) return true;
        }
        return false;
    }

    function noReasons() internal pure returns (Reasons memory r) {
        r.all = new bytes[](64);
    }

    // ---- for the invariants ----

    function theDispatcher() external view returns (IManifestDispatcher) {
        return dispatcher;
    }

    function theExtension() external view returns (address) {
        return extension;
    }

    function thePending() external view returns (Pending memory) {
        return pending;
    }

    function theLive() external view returns (Live memory) {
        return live;
    }

    function liveRoutes() external view returns (Route[] memory routes) {
        if (live.known) routes = cases[live.number].routes;
    }

    function caseCount() external view returns (uint256) {
        return cases.length;
    }

    function pagesOf(uint256 number) external view returns (bytes32 routesRoot, uint256 pages) {
        return (cases[number].routesRoot, cases[number].pages.length);
    }

    function pageOf(uint256 number, uint256 page) external view returns (bytes memory) {
        return cases[number].pages[page];
    }

    /// @notice The selectors of the manifests that were live at some time, or of those that never were.
    function selectorsOf(bool wereLive) external view returns (bytes4[] memory chosen) {
        chosen = new bytes4[](selectors.length);
        uint256 count;
        for (uint256 i = 0; i < selectors.length; ++i) {
            for (uint256 k = 0; k < casesOf[selectors[i]].length; ++k) {
                if (everLive[casesOf[selectors[i]][k]] != wereLive) continue;
                chosen[count++] = selectors[i];
                break;
            }
        }
        assembly ("memory-safe") {
            mstore(chosen, count)
        }
    }

    function theSelectors() external view returns (bytes4[] memory) {
        return selectors;
    }

    function theRoots() external view returns (bytes32[] memory) {
        return roots;
    }

    /// @notice Whether the account can never be a facet, whatever the handler does.
    function isBarred(address account) external view returns (bool) {
        return account == address(dispatcher) || account == EMPTY || account == DELEGATED || account == STOPPED;
    }

    function wasLive(uint256 number) external view returns (bool) {
        return everLive[number];
    }

    function isStaged(bytes32 routesRoot, uint256 page) external view returns (bool) {
        return staged[routesRoot][page];
    }

    function initializedRoot(bytes32 root) external view returns (bytes32) {
        return initialized[root];
    }

    function settings() external view returns (bool paused, uint256 etaGrace, uint256 maxBatchSize) {
        return (isPaused, grace, limit);
    }

    function holders() external view returns (address[] memory) {
        return actors;
    }

    function roles() external view returns (bytes32[] memory) {
        return allRoles;
    }

    function hasRole(bytes32 role, address account) external view returns (bool) {
        return holds[account][role];
    }

    /// @notice How a routed call must end: the facet that answers, or the errors of which it names one.
    function wanted(bytes4 selector) external view returns (address facet, Reasons memory r) {
        r = noReasons();
        callReasons(r, selector);
        (, Route memory route_) = liveRoute(selector);
        facet = route_.facet;
    }
}
