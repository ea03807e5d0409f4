// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Manifest, PageBuilder} from "../PageBuilder.sol";
import {AttackTest} from "./AttackTest.sol";
import {Bonus} from "./Attackers.sol";

/// @dev Races for the one commitment: copies, replacements, and transactions that were held back.
contract CommitRaceTest is AttackTest {
    address private constant insider = address(0xB1);

    // ---- a copy by somebody without the role ----

    function copyTheCommit(bool refused) private returns (bytes32 root) {
        root = keccak256("the stranger's own");
        if (refused) vm.expectRevert(unauthorized(stranger, COMMIT_ROLE));
        commitAs(stranger, root, 1);
    }

    function test_copiedCommit_isRefused() public {
        copyTheCommit(true);
        assertEq(dispatcher.pendingRoot(), 0, "pending root");
    }

    function test_copiedCommit_succeedsWhenAnybodyMayCommit() public {
        weaken("AnybodyCommits");
        assertEq(copyTheCommit(false), dispatcher.pendingRoot(), "pending root");
    }

    // ---- another root after the wait ----

    /// @dev A harmless root waits in the open; in the last second an insider puts another in its place.
    function replaceAfterTheWait() private {
        Manifest memory harmless = echoManifest(1, 1, 1);
        Manifest memory m = PageBuilder.build(thiefRoute(), 1);
        commit(harmless.routesRoot);
        stage(harmless);
        warpBy(DELAY);
        grant(COMMIT_ROLE, insider);
        commitAs(insider, m.routesRoot, 1);
        stage(m);
    }

    function test_replacedRoot_isRefused() public {
        replaceAfterTheWait();
        uint256 now_ = vm.getBlockTimestamp();
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, now_ + DELAY, now_));
        activate();
        // nor does the harmless one go live any more
        vm.prank(guardian);
        dispatcher.cancelCommit();
        vm.expectRevert(abi.encodeWithSelector(NothingPending.selector));
        activate();
    }

    function test_replacedRoot_succeedsWhenTheOldEtaIsKept() public {
        weaken("KeepsOldEta");
        replaceAfterTheWait();
        activate();
        route(abi.encodePacked(selectorOf(0)));
        assertRobbed();
    }

    // ---- the same root once more ----

    /// @dev To hold an upgrade up without a trace in the pending root, its commit is repeated until it is late.
    function repeatTheCommit(bool refused) private {
        Manifest memory m = echoManifest(1, 1, 1);
        commit(m.routesRoot);
        stage(m);
        warpBy(DELAY);
        grant(COMMIT_ROLE, insider);
        if (refused) vm.expectRevert(abi.encodeWithSelector(AlreadyPending.selector, m.routesRoot));
        commitAs(insider, m.routesRoot, 1);
    }

    function test_repeatedCommit_isRefused() public {
        repeatTheCommit(true);
        activate();
        assertAnsweredBy(selectorOf(0), 0);
    }

    function test_repeatedCommit_succeedsWhenTheClockRestarts() public {
        weaken("ClockRestarts");
        repeatTheCommit(false);
        uint256 now_ = vm.getBlockTimestamp();
        vm.expectRevert(abi.encodeWithSelector(ActivationNotReady.selector, now_ + DELAY, now_));
        activate();
    }

    // ---- a commit that was held back ----

    /// @dev A commit that was signed for epoch 1 and never sent comes when epoch 2 is on its way.
    function sendOldCommit(bool refused) private returns (bytes32 old) {
        old = keccak256("signed long ago");
        goLive(echoManifest(1, 1, 1));
        commit(keccak256("on its way"));
        if (refused) vm.expectRevert(abi.encodeWithSelector(WrongEpoch.selector, 1, 2));
        commitAs(committer, old, 1);
    }

    function test_oldCommit_isRefused() public {
        sendOldCommit(true);
        assertEq(dispatcher.pendingRoot(), keccak256("on its way"), "pending root");
    }

    function test_oldCommit_succeedsWhenAnyEpochWillDo() public {
        weaken("AnyEpoch");
        assertEq(sendOldCommit(false), dispatcher.pendingRoot(), "pending root");
    }

    // ---- another init than that of the root ----

    /// @dev Whoever activates chooses the data: the bonus is to go to the boss.
    function activateWithOtherData(bool refused) private {
        Bonus bonus = new Bonus();
        bytes memory data = abi.encodeCall(bonus.pay, (governor));
        (Manifest memory m, bytes32 root) = stageWithInit(address(bonus), address(bonus).codehash, data);
        if (refused) vm.expectRevert(abi.encodeWithSelector(InitMismatch.selector, root));
        activateWith(m.routesRoot, address(bonus), abi.encodeCall(bonus.pay, (boss)));
    }

    function test_initWithOtherData_isRefused() public {
        activateWithOtherData(true);
        assertNotRobbed();
    }

    function test_initWithOtherData_succeedsWhenAnyInitWillDo() public {
        weaken("AnyInit");
        activateWithOtherData(false);
        assertEq(boss.balance, 1 ether, "what was stolen");
    }
}
