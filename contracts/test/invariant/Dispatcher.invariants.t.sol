// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IDiamondLoupe,
    IDispatcherErrors,
    IDispatcherExtension,
    IManifestDispatcher
} from "../../src/IManifestDispatcher.sol";
import {Route} from "../PageBuilder.sol";
import {Test} from "../Test.sol";
import {Handler} from "./Handler.sol";
import {Model} from "./Model.sol";

/// @dev What must hold, whoever calls what and when. Each sentence of it is an invariant. The handler acts and keeps the
/// model; here both are compared through views, the loupe and calls that are really routed.
contract DispatcherInvariants is Test, IDispatcherErrors {
    /// @dev As the fuzzer reads it.
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev Those that forge prints.
    event log_named_uint(string what, uint256 count);

    uint256 private constant DELAY = 3600;

    Handler private handler;
    IManifestDispatcher private dispatcher;
    bytes4[] private reserved;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
        dispatcher = handler.theDispatcher();
        reserved = dispatcher.reservedSelectors();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions());
    }

    function actions() private pure returns (bytes4[] memory all) {
        all = new bytes4[](16);
        all[0] = Handler.commit.selector;
        all[1] = Handler.applyPage.selector;
        all[2] = Handler.applyAllPages.selector;
        all[3] = Handler.activate.selector;
        all[4] = Handler.cancel.selector;
        all[5] = Handler.pause.selector;
        all[6] = Handler.unpause.selector;
        all[7] = Handler.configure.selector;
        all[8] = Handler.changeRoles.selector;
        all[9] = Handler.call.selector;
        all[10] = Handler.callBack.selector;
        all[11] = Handler.replaceCode.selector;
        all[12] = Handler.restoreCode.selector;
        all[13] = Handler.wait_.selector;
        all[14] = Handler.upgrade.selector;
        all[15] = Handler.badUpgrade.selector;
    }

    function assertUnbroken(Handler.Rule rule) private view {
        string memory what = handler.broken(rule);
        assertTrue(bytes(what).length == 0, what);
    }

    // ---- routes ----

    function invariant_noRouteIsLiveBeforeItsActivation() public {
        assertRoutesAnswerAsTheLiveManifest(false);
    }

    function invariant_noRouteOfAnOlderManifestSurvives() public {
        assertRoutesAnswerAsTheLiveManifest(true);
    }

    function invariant_activationIsAtomic() public {
        Model.Live memory live = handler.theLive();
        assertEq(dispatcher.activeRoot(), live.root, "active root");
        assertEq(dispatcher.activeRoutesRoot(), live.routesRoot, "active routesRoot");
        Route[] memory routes = handler.liveRoutes();
        for (uint256 i = 0; i < routes.length; ++i) {
            assertAnswersAsTheLiveManifest(routes[i].selector);
        }
        assertUnbroken(Handler.Rule.Atomicity);
    }

    /// @dev The selectors of all manifests that were live, or that never were.
    function assertRoutesAnswerAsTheLiveManifest(bool wereLive) private {
        bytes4[] memory selectors = handler.selectorsOf(wereLive);
        for (uint256 i = 0; i < selectors.length; ++i) {
            assertAnswersAsTheLiveManifest(selectors[i]);
        }
    }

    function assertAnswersAsTheLiveManifest(bytes4 selector) private {
        if (selector == dispatcher.pause.selector) return; // its own, whatever a manifest says
        (address facet, Model.Reasons memory reasons) = handler.wanted(selector);
        (bool ok, bytes memory result) = address(dispatcher).call(abi.encodePacked(selector));
        if (reasons.count != 0) {
            assertTrue(!ok, "only a live route answers");
            assertTrue(contains(reasons, result), "refused for its reason");
            return;
        }
        assertTrue(ok, "a live route answers");
        (, bytes memory own) = facet.call(abi.encodePacked(selector));
        assertEq(firstWord(result), firstWord(own), "id of the facet that answers");
    }

    function contains(Model.Reasons memory reasons, bytes memory err) private pure returns (bool) {
        for (uint256 i = 0; i < reasons.count; ++i) {
            if (keccak256(reasons.all[i]) == keccak256(err)) return true;
        }
        return false;
    }

    function firstWord(bytes memory data) private pure returns (bytes32 word) {
        assertTrue(data.length >= 32, "an answer");
        assembly ("memory-safe") {
            word := mload(add(data, 0x20))
        }
    }

    // ---- timelock, epochs, init ----

    function invariant_theTimelockIsNeverShortened() public view {
        assertUnbroken(Handler.Rule.Timelock);
        Model.Pending memory pending = handler.thePending();
        assertEq(dispatcher.pendingEta(), pending.root == 0 ? 0 : pending.since + DELAY, "eta");
        assertEq(dispatcher.delay(), DELAY, "delay");
    }

    function invariant_aCommitmentIsConsumedByActivation() public view {
        assertUnbroken(Handler.Rule.Consumed);
        Model.Pending memory pending = handler.thePending();
        assertEq(dispatcher.pendingRoot(), pending.root, "pending root");
        assertEq(dispatcher.pendingBatchSize(), pending.limit, "its batch limit");
        uint256 epoch = handler.theLive().epoch + 1;
        assertEq(dispatcher.pendingEpoch(), pending.root == 0 ? 0 : epoch, "pending epoch");
    }

    function invariant_epochsOnlyRise() public view {
        assertUnbroken(Handler.Rule.Epoch);
        assertEq(dispatcher.activeEpoch(), handler.theLive().epoch, "active epoch");
    }

    function invariant_initIsNeverSkippedChangedOrRunTwice() public view {
        assertUnbroken(Handler.Rule.Init);
        bytes32[] memory roots = handler.theRoots();
        for (uint256 i = 0; i < roots.length; ++i) {
            assertEq(dispatcher.initializedRoutesRoot(roots[i]), handler.initializedRoot(roots[i]), "initialized");
        }
    }

    // ---- facets ----

    /// @dev Replaces the code of each live facet, as if it had destroyed itself and been created anew.
    function invariant_liveCodeEqualsPinnedCodeAtEveryRoutedCall() public {
        assertUnbroken(Handler.Rule.LiveCode);
        Route[] memory routes = handler.liveRoutes();
        for (uint256 i = 0; i < routes.length; ++i) {
            bytes memory code = routes[i].facet.code;
            vm.etch(routes[i].facet, hex"5f5ff3");
            assertAnswersAsTheLiveManifest(routes[i].selector);
            vm.etch(routes[i].facet, code);
        }
    }

    function invariant_aFacetIsNeverWithoutCodeOfItsOwn() public view {
        assertUnbroken(Handler.Rule.Facet);
        address[] memory facets = dispatcher.facetAddresses();
        for (uint256 f = 0; f < facets.length; ++f) {
            assertTrue(!handler.isBarred(facets[f]), "a facet that may not be one");
        }
    }

    function invariant_noRouteShadowsTheDispatchersOwnFunctions() public view {
        assertUnbroken(Handler.Rule.Shadow);
        for (uint256 i = 0; i < reserved.length; ++i) {
            assertEq(dispatcher.facetAddress(reserved[i]), address(0), "route with a selector of its own");
        }
    }

    // ---- storage, pages, reentrancy, loupe ----

    function invariant_storageIsOneNamespace() public view {
        assertUnbroken(Handler.Rule.Storage);
    }

    function invariant_aPageIsStagedOnlyAsItself() public view {
        uint256 cases = handler.caseCount();
        for (uint256 c = 0; c < cases; ++c) {
            (bytes32 root, uint256 pages) = handler.pagesOf(c);
            // and nothing beyond the last
            for (uint256 p = 0; p < pages + 2; ++p) {
                bytes memory want = p < pages && handler.isStaged(root, p) ? handler.pageOf(c, p) : bytes("");
                assertEq(dispatcher.pageAddress(root, p).code, want, "what is staged");
            }
        }
    }

    function invariant_reentrancyGainsNothing() public view {
        assertUnbroken(Handler.Rule.Reentrancy);
    }

    function invariant_theLoupeEqualsTheManifest() public view {
        Route[] memory routes = handler.liveRoutes();
        IDiamondLoupe.Facet[] memory facets = dispatcher.facets();
        address[] memory addresses = dispatcher.facetAddresses();
        assertEq(addresses.length, facets.length, "number of facets");
        uint256 count;
        for (uint256 f = 0; f < facets.length; ++f) {
            address facet = facets[f].facetAddress;
            assertEq(addresses[f], facet, "facet");
            for (uint256 g = 0; g < f; ++g) {
                assertTrue(addresses[g] != facet, "a facet twice");
            }
            bytes4[] memory listed = facets[f].functionSelectors;
            assertTrue(listed.length != 0, "a facet without routes");
            bytes4[] memory same = dispatcher.facetFunctionSelectors(facet);
            assertEq(keccak256(abi.encode(same)), keccak256(abi.encode(listed)), "selectors of the facet");
            for (uint256 i = 0; i < listed.length; ++i) {
                (bool found, Route memory route) = handler.liveRoute(listed[i]);
                assertTrue(found && route.facet == facet, "a route that the manifest has not");
                for (uint256 j = 0; j < i; ++j) {
                    assertTrue(listed[j] != listed[i], "a selector twice");
                }
            }
            count += listed.length;
        }
        assertEq(count, routes.length, "number of routes");
        bytes4[] memory selectors = handler.theSelectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            (, Route memory route) = handler.liveRoute(selectors[i]);
            assertEq(dispatcher.facetAddress(selectors[i]), route.facet, "facet of the selector");
        }
    }

    // ---- the rest of the model ----

    function invariant_everyCallEndsAsTheModelSays() public view {
        assertUnbroken(Handler.Rule.Outcome);
    }

    /// @dev A pause, too, stops routed calls and nothing else: the handler acts on as before.
    function invariant_rolesAndSettingsAreThoseOfTheModel() public view {
        (bool paused, uint256 grace, uint256 limit) = handler.settings();
        IDispatcherExtension.DispatcherState memory state = dispatcher.dispatcherState();
        assertTrue(state.paused == paused, "paused");
        assertEq(state.etaGrace, grace, "grace");
        assertEq(state.maxBatchSize, limit, "batch limit");
        assertEq(state.extension, handler.theExtension(), "extension");
        address[] memory holders = handler.holders();
        bytes32[] memory roles = handler.roles();
        for (uint256 i = 0; i < holders.length; ++i) {
            for (uint256 r = 0; r < roles.length; ++r) {
                bool holds = handler.hasRole(roles[r], holders[i]);
                assertTrue(dispatcher.hasRole(roles[r], holders[i]) == holds, "role");
            }
        }
    }

    // ---- the handler itself ----

    /// @dev A fixed life, long enough to see each call succeed and be refused: what the invariants are checked on is not
    /// empty. `forge test -vv` lists how often.
    function test_handler_reachesEachOutcome() public {
        bytes4[] memory all = actions();
        for (uint256 i = 0; i < 1500; ++i) {
            uint256 dice = uint256(keccak256(abi.encode("action", i)));
            (bool ok,) = address(handler).call(abi.encodeWithSelector(all[dice % all.length], dice));
            assertTrue(ok, "an action");
        }
        assertUnbroken(Handler.Rule.Outcome);
        assertEachCallSucceededAndWasRefused();
        assertEachErrorWasSeen();
        emit log_named_uint("within another call", handler.succeededInside());
        emit log_named_uint("  refused", handler.refusedInside());
        assertTrue(handler.succeededInside() > 0 && handler.refusedInside() > 0, "never within another call");
        emit log_named_uint("init", handler.initsRun());
        emit log_named_uint("return to an older manifest", handler.rollbacks());
        assertTrue(handler.initsRun() > 0 && handler.rollbacks() > 0, "no init or no return");
        for (uint256 c = 0; c < 5; ++c) {
            assertTrue(handler.wasLive(c), "a good manifest was never live");
        }
    }

    function assertEachCallSucceededAndWasRefused() private {
        string[13] memory kinds = [
            "commit",
            "apply",
            "activate",
            "activate and call",
            "cancel",
            "pause",
            "unpause",
            "set grace",
            "set limit",
            "grant",
            "revoke",
            "renounce",
            "call"
        ];
        for (uint256 k = 0; k < kinds.length; ++k) {
            emit log_named_uint(kinds[k], handler.succeeded(k));
            emit log_named_uint("  refused", handler.refused(k));
            assertTrue(handler.succeeded(k) > 0, "never succeeded");
            assertTrue(handler.refused(k) > 0, "never refused");
        }
    }

    /// @dev MisplacedSelector is a matter of bytes alone, and of the tests of damaged pages.
    function assertEachErrorWasSeen() private view {
        bytes4[25] memory errors = [
            CodehashMismatch.selector,
            ActivationNotReady.selector,
            ManifestExpired.selector,
            NothingPending.selector,
            ZeroRoot.selector,
            AlreadyPending.selector,
            WrongEpoch.selector,
            InvalidProof.selector,
            MalformedPage.selector,
            PageTooLarge.selector,
            WrongPage.selector,
            SelectorReserved.selector,
            PageAlreadyStaged.selector,
            PageMissing.selector,
            CodeMissing.selector,
            CodeForbidden.selector,
            InitMismatch.selector,
            InitAlreadyRun.selector,
            UnknownSelector.selector,
            DispatcherPaused.selector,
            PauseUnchanged.selector,
            OutOfBounds.selector,
            UnknownRole.selector,
            IAccessControl.AccessControlUnauthorizedAccount.selector,
            IAccessControl.AccessControlBadConfirmation.selector
        ];
        for (uint256 i = 0; i < errors.length; ++i) {
            assertTrue(handler.refusedWith(errors[i]) > 0, vm.toString(bytes32(errors[i])));
        }
    }
}
