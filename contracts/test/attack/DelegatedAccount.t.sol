// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Manifest, PageBuilder} from "../PageBuilder.sol";
import {AttackTest} from "./AttackTest.sol";
import {Metamorph, OpenWallet} from "./Attackers.sol";

/// @dev Accounts that delegate by EIP-7702: their code is a pointer, whose hash says nothing of the code that runs.
/// forge-config: default.isolate = true
contract DelegatedAccountTest is AttackTest {
    using PageBuilder for Manifest;

    uint256 private constant KEY = 0xA77AC4;

    address private account;
    Metamorph private metamorph;

    function setUp() public override {
        super.setUp();
        account = vm.addr(KEY);
        metamorph = new Metamorph();
    }

    /// @dev A transaction of type 4.
    function delegateTo(address implementation) private {
        vm.signAndAttachDelegation(implementation, KEY);
        (bool ok,) = stranger.call("");
        assertTrue(ok, "transaction");
        assertEq(account.code, abi.encodePacked(hex"ef0100", implementation), "delegation");
    }

    // ---- as a facet ----

    function commitDelegatedFacet() private returns (Manifest memory m) {
        delegateTo(metamorph.home());
        m = manifestOf(selectorOf(0), account);
        commit(m.routesRoot);
    }

    function test_delegatedFacet_isRefused() public {
        Manifest memory m = commitDelegatedFacet();
        vm.expectRevert(abi.encodeWithSelector(CodeForbidden.selector, account));
        stage(m);
    }

    function test_delegatedFacet_succeedsWhenDelegatedCodeIsAllowed() public {
        weaken("DelegatedCode");
        Manifest memory m = commitDelegatedFacet();
        stage(m);
        warpBy(DELAY);
        activate();
        bytes32 pin = account.codehash;
        metamorph.become(thiefCode());
        assertEq(account.codehash, pin, "the pin still holds");
        route(abi.encodePacked(selectorOf(0)));
        assertRobbed();
    }

    // ---- as an init ----

    function stageDelegatedInit() private returns (bytes32 routesRoot) {
        delegateTo(metamorph.home());
        (Manifest memory m,) = stageWithInit(account, account.codehash, "");
        metamorph.become(thiefCode());
        return m.routesRoot;
    }

    function test_delegatedInit_isRefused() public {
        bytes32 routesRoot = stageDelegatedInit();
        vm.expectRevert(abi.encodeWithSelector(CodeForbidden.selector, account));
        activateWith(routesRoot, account, "");
        assertNotRobbed();
    }

    function test_delegatedInit_succeedsWhenDelegatedCodeIsAllowed() public {
        weaken("DelegatedCode");
        activateWith(stageDelegatedInit(), account, "");
        assertRobbed();
    }

    // ---- as the holder of a role ----

    function asHolder(bytes memory data) private {
        vm.prank(stranger);
        OpenWallet(account).execute(address(dispatcher), data);
    }

    /// @dev The holder of two roles lets anybody act for it: a stranger commits and stages a thief.
    function actAsHolder() private returns (bytes32 root) {
        grant(COMMIT_ROLE, account);
        grant(APPLY_ROLE, account);
        delegateTo(address(new OpenWallet()));
        Manifest memory m = PageBuilder.build(thiefRoute(), 1);
        asHolder(abi.encodeCall(dispatcher.commitRoot, (m.routesRoot, 1)));
        asHolder(abi.encodeCall(dispatcher.applyRoutes, (m.pages[0], m.proof(0), 0)));
        return m.routesRoot;
    }

    /// @dev It gives away its roles and nothing else: the clock runs, and the guardian has all that time.
    function test_delegatedHolder_isRefused() public {
        bytes32 root = actAsHolder();
        uint256 eta = dispatcher.pendingEta();
        assertEq(eta, START + DELAY, "eta");
        bytes memory activation = abi.encodeCall(dispatcher.activateCommittedRoot, ());
        vm.warp(eta - 1);
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, eta, eta - 1));
        asHolder(activation);
        vm.expectRevert(abi.encodeWithSelector(AlreadyPending.selector, root));
        asHolder(abi.encodeCall(dispatcher.commitRoot, (root, 1)));
        vm.expectRevert(unauthorized(account, ADMIN_ROLE));
        asHolder(abi.encodeCall(dispatcher.grantRole, (APPLY_ROLE, stranger)));
        vm.expectRevert(unauthorized(account, GOVERNANCE_ROLE));
        asHolder(abi.encodeCall(dispatcher.setEtaGrace, (30)));
        vm.expectRevert(unauthorized(account, EMERGENCY_ROLE));
        asHolder(abi.encodeCall(dispatcher.cancelCommit, ()));

        vm.prank(guardian);
        dispatcher.cancelCommit();
        vm.warp(eta);
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        asHolder(activation);
        assertUnrouted(selectorOf(0));
    }

    function test_delegatedHolder_succeedsWhenTheTimelockIsMissing() public {
        weaken("NoTimelock");
        actAsHolder();
        asHolder(abi.encodeCall(dispatcher.activateCommittedRoot, ()));
        route(abi.encodePacked(selectorOf(0)));
        assertRobbed();
    }
}
