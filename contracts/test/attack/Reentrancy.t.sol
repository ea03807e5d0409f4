// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reentrant} from "../Facets.sol";
import {Manifest} from "../PageBuilder.sol";
import {AttackTest} from "./AttackTest.sol";
import {Bonus, Greedy} from "./Attackers.sol";

/// @dev Calls that come back while the dispatcher is in the middle of one.
contract ReentrancyTest is AttackTest {
    Bonus private bonus;
    Greedy private greedy;

    function setUp() public override {
        super.setUp();
        bonus = new Bonus();
        greedy = new Greedy();
    }

    // ---- from an init ----

    /// @dev The init pays a holder of roles, who calls `again` while it is being paid.
    function activateGreedily(bytes memory again) private {
        grant(APPLY_ROLE, address(greedy));
        grant(COMMIT_ROLE, address(greedy));
        bytes memory data = abi.encodeCall(bonus.pay, (address(greedy)));
        (Manifest memory m,) = stageWithInit(address(bonus), address(bonus).codehash, data);
        bytes memory activation =
            abi.encodeCall(dispatcher.activateCommittedRootAndCall, (m.routesRoot, address(bonus), data));
        greedy.run(address(dispatcher), activation, again.length == 0 ? activation : again);
    }

    function test_reenteredInit_isRefused() public {
        activateGreedily("");
        assertEq(greedy.answer(), abi.encodeWithSelector(NothingPending.selector), "answer");
        assertEq(address(greedy).balance, bonus.AMOUNT(), "paid");
    }

    function test_reenteredInit_succeedsWhenInitRunsFirst() public {
        weaken("InitFirst");
        activateGreedily("");
        assertEq(address(greedy).balance, 2 * bonus.AMOUNT(), "paid");
    }

    /// @dev A commitment from within gets the next epoch and all of its delay.
    function test_reenteredCommit_isOneLikeAnyOther() public {
        activateGreedily(abi.encodeCall(dispatcher.commitRoot, (keccak256("next"), 2)));
        assertEq(greedy.answer(), "", "answer");
        assertEq(dispatcher.activeEpoch(), 1, "active epoch");
        assertEq(dispatcher.pendingEta(), vm.getBlockTimestamp() + DELAY, "eta");
    }

    function test_reenteredApply_isRefused() public {
        activateGreedily(abi.encodeCall(dispatcher.applyRoutes, ("", new bytes32[](0), 0)));
        assertEq(greedy.answer(), abi.encodeWithSelector(NothingPending.selector), "answer");
    }

    // ---- the same init once more ----

    function payTwice() private returns (bytes32 routesRoot, bytes32 root, bytes memory data) {
        data = abi.encodeCall(bonus.pay, (boss));
        Manifest memory m;
        (m, root) = stageWithInit(address(bonus), address(bonus).codehash, data);
        activateWith(m.routesRoot, address(bonus), data);
        commit(root);
        warpBy(DELAY);
        return (m.routesRoot, root, data);
    }

    function test_initOnceMore_isRefused() public {
        (bytes32 routesRoot, bytes32 root, bytes memory data) = payTwice();
        vm.expectRevert(abi.encodeWithSelector(InitAlreadyRun.selector, root));
        activateWith(routesRoot, address(bonus), data);
        assertEq(boss.balance, bonus.AMOUNT(), "paid");
    }

    function test_initOnceMore_succeedsWhenNothingRemembersIt() public {
        weaken("InitRunsAgain");
        (bytes32 routesRoot,, bytes memory data) = payTwice();
        activateWith(routesRoot, address(bonus), data);
        assertEq(boss.balance, 2 * bonus.AMOUNT(), "paid");
    }

    // ---- from a facet ----

    /// @dev A facet calls the dispatcher with whatever a stranger gives it, and the dispatcher is the caller.
    function enterThroughFacet() private returns (bool ok, bytes memory result) {
        goLive(manifestOf(selectorOf(0), address(new Reentrant())));
        bytes memory data = abi.encodeCall(dispatcher.grantRole, (ADMIN_ROLE, stranger));
        vm.prank(stranger);
        return address(dispatcher).call(bytes.concat(selectorOf(0), data));
    }

    function test_reentrantFacet_isRefused() public {
        (bool ok, bytes memory result) = enterThroughFacet();
        assertTrue(!ok, "refused");
        assertEq(result, unauthorized(address(dispatcher), ADMIN_ROLE), "revert data");
    }

    function test_reentrantFacet_succeedsWhenTheDispatcherTrustsItself() public {
        weaken("TrustsItself");
        (bool ok,) = enterThroughFacet();
        assertTrue(ok, "accepted");
        assertTrue(dispatcher.hasRole(ADMIN_ROLE, stranger), "role");
    }
}
