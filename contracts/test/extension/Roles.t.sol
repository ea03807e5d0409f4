// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Vm} from "../Vm.sol";

/// @dev What the dispatcher's roles are compared with.
contract Reference is AccessControl {
    constructor(address admin) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }
}

contract RolesTest is DispatcherTest {
    bytes32[6] private roles = [ADMIN_ROLE, GOVERNANCE_ROLE, COMMIT_ROLE, APPLY_ROLE, PAUSER_ROLE, EMERGENCY_ROLE];
    address[6] private holders = [admin, governor, committer, applier, pauser, guardian];

    function test_roles_haveTheirNames() public view {
        assertEq(dispatcher.DEFAULT_ADMIN_ROLE(), 0, "DEFAULT_ADMIN_ROLE");
        assertEq(dispatcher.GOVERNANCE_ROLE(), keccak256("GOVERNANCE_ROLE"), "GOVERNANCE_ROLE");
        assertEq(dispatcher.COMMIT_ROLE(), keccak256("COMMIT_ROLE"), "COMMIT_ROLE");
        assertEq(dispatcher.APPLY_ROLE(), keccak256("APPLY_ROLE"), "APPLY_ROLE");
        assertEq(dispatcher.PAUSER_ROLE(), keccak256("PAUSER_ROLE"), "PAUSER_ROLE");
        assertEq(dispatcher.EMERGENCY_ROLE(), keccak256("EMERGENCY_ROLE"), "EMERGENCY_ROLE");
    }

    function test_roles_eachHolderHasOneRole() public view {
        for (uint256 h = 0; h < 6; ++h) {
            for (uint256 r = 0; r < 6; ++r) {
                assertTrue(dispatcher.hasRole(roles[r], holders[h]) == (r == h), "hasRole");
            }
        }
    }

    /// @dev For each guarded function: only the holder of its role gets past the guard.
    function test_roles_guardEachFunction() public {
        assertGuarded(abi.encodeCall(dispatcher.commitRoot, (0, 1)), COMMIT_ROLE, COMMIT_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.applyRoutes, ("", new bytes32[](0), 0)), APPLY_ROLE, APPLY_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.activateCommittedRoot, ()), APPLY_ROLE, APPLY_ROLE);
        assertGuarded(
            abi.encodeCall(dispatcher.activateCommittedRootAndCall, (0, address(0), "")), APPLY_ROLE, APPLY_ROLE
        );
        assertGuarded(abi.encodeCall(dispatcher.cancelCommit, ()), EMERGENCY_ROLE, EMERGENCY_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.pause, ()), PAUSER_ROLE, EMERGENCY_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.unpause, ()), EMERGENCY_ROLE, EMERGENCY_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.setEtaGrace, (60)), GOVERNANCE_ROLE, GOVERNANCE_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.setMaxBatchSize, (50)), GOVERNANCE_ROLE, GOVERNANCE_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.grantRole, (PAUSER_ROLE, address(1))), ADMIN_ROLE, ADMIN_ROLE);
        assertGuarded(abi.encodeCall(dispatcher.revokeRole, (PAUSER_ROLE, address(1))), ADMIN_ROLE, ADMIN_ROLE);
    }

    function assertGuarded(bytes memory data, bytes32 role, bytes32 orRole) private {
        for (uint256 h = 0; h < 6; ++h) {
            vm.prank(holders[h]);
            (, bytes memory result) = address(dispatcher).call(data);
            bytes memory refusal = unauthorized(holders[h], role);
            if (roles[h] == role || roles[h] == orRole) {
                assertTrue(keccak256(result) != keccak256(refusal), "the holder is let in");
            } else {
                assertEq(result, refusal, "another holder is not");
            }
        }
    }

    function test_grantRole_emitsOnce() public {
        vm.expectEmit(address(dispatcher));
        emit IAccessControl.RoleGranted(COMMIT_ROLE, stranger, admin);
        grant(COMMIT_ROLE, stranger);
        assertTrue(dispatcher.hasRole(COMMIT_ROLE, stranger), "granted");

        vm.recordLogs();
        grant(COMMIT_ROLE, stranger);
        assertEq(vm.getRecordedLogs().length, 0, "events of a grant that changes nothing");
    }

    function test_revokeRole_emitsOnceAndTakesEffect() public {
        vm.expectEmit(address(dispatcher));
        emit IAccessControl.RoleRevoked(COMMIT_ROLE, committer, admin);
        vm.prank(admin);
        dispatcher.revokeRole(COMMIT_ROLE, committer);
        assertTrue(!dispatcher.hasRole(COMMIT_ROLE, committer), "revoked");
        vm.expectRevert(unauthorized(committer, COMMIT_ROLE));
        vm.prank(committer);
        dispatcher.commitRoot(keccak256("a root"), 1);

        vm.recordLogs();
        vm.prank(admin);
        dispatcher.revokeRole(COMMIT_ROLE, committer);
        assertEq(vm.getRecordedLogs().length, 0, "events of a revocation that changes nothing");
    }

    function test_revokeRole_leavesTheOtherRoles() public {
        grant(APPLY_ROLE, committer);
        vm.prank(admin);
        dispatcher.revokeRole(COMMIT_ROLE, committer);
        assertTrue(dispatcher.hasRole(APPLY_ROLE, committer), "the other role");
    }

    function test_renounceRole_needsConfirmation() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlBadConfirmation.selector));
        vm.prank(committer);
        dispatcher.renounceRole(COMMIT_ROLE, stranger);

        vm.expectEmit(address(dispatcher));
        emit IAccessControl.RoleRevoked(COMMIT_ROLE, committer, committer);
        vm.prank(committer);
        dispatcher.renounceRole(COMMIT_ROLE, committer);
        assertTrue(!dispatcher.hasRole(COMMIT_ROLE, committer), "renounced");
    }

    function test_renounceRole_ofAnotherIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlBadConfirmation.selector));
        vm.prank(stranger);
        dispatcher.renounceRole(COMMIT_ROLE, committer);
    }

    // ---- unknown roles ----

    function testFuzz_roles_refuseAnUnknownRole(bytes32 role) public {
        for (uint256 r = 0; r < 6; ++r) {
            vm.assume(role != roles[r]);
        }
        bytes memory unknown = abi.encodeWithSelector(UnknownRole.selector, role);
        vm.expectRevert(unknown);
        grant(role, stranger);
        vm.expectRevert(unknown);
        vm.prank(admin);
        dispatcher.revokeRole(role, stranger);
        vm.expectRevert(unknown);
        vm.prank(stranger);
        dispatcher.renounceRole(role, stranger);
        assertTrue(!dispatcher.hasRole(role, admin), "nobody has it");
        assertEq(dispatcher.getRoleAdmin(role), ADMIN_ROLE, "its admin, as OpenZeppelin answers");
    }

    function test_roles_adminOfEachIsTheDefaultAdmin() public view {
        for (uint256 r = 0; r < 6; ++r) {
            assertEq(dispatcher.getRoleAdmin(roles[r]), ADMIN_ROLE, "admin of the role");
        }
    }

    function test_roles_adminCanHandItselfOver() public {
        grant(ADMIN_ROLE, stranger);
        vm.prank(admin);
        dispatcher.renounceRole(ADMIN_ROLE, admin);
        vm.expectRevert(unauthorized(admin, ADMIN_ROLE));
        grant(COMMIT_ROLE, admin);
        vm.prank(stranger);
        dispatcher.grantRole(COMMIT_ROLE, stranger);
        assertTrue(dispatcher.hasRole(COMMIT_ROLE, stranger), "granted by the new admin");
    }

    // ---- as OpenZeppelin's ----

    /// @dev Any sequence of calls has the results, revert data, events and holders of OpenZeppelin's AccessControl.
    function testFuzz_roles_actAsOpenZeppelins(uint256[16] calldata steps) public {
        Reference twin = new Reference(address(0x10));
        grant(ADMIN_ROLE, address(0x10));
        for (uint256 i = 0; i < 16; ++i) {
            uint256 step = steps[i];
            // three accounts, of which the first is admin to begin with
            address sender = address(uint160(0x10 + (step >> 8) % 3));
            address account = address(uint160(0x10 + (step >> 16) % 3));
            bytes32 role = roles[(step >> 24) % 6];
            bytes memory data = step % 3 == 0
                ? abi.encodeCall(IAccessControl.grantRole, (role, account))
                : step % 3 == 1
                    ? abi.encodeCall(IAccessControl.revokeRole, (role, account))
                    : abi.encodeCall(IAccessControl.renounceRole, (role, account));
            bytes32 want = outcome(address(twin), sender, data);
            assertEq(outcome(address(dispatcher), sender, data), want, "outcome");
            for (uint160 a = 0x10; a < 0x13; ++a) {
                assertTrue(dispatcher.hasRole(role, address(a)) == twin.hasRole(role, address(a)), "hasRole");
            }
        }
    }

    function outcome(address target, address sender, bytes memory data) private returns (bytes32) {
        vm.recordLogs();
        vm.prank(sender);
        (bool ok, bytes memory result) = target.call(data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes memory events;
        for (uint256 i = 0; i < logs.length; ++i) {
            events = bytes.concat(events, abi.encode(logs[i].topics, logs[i].data));
        }
        return keccak256(abi.encode(ok, result, events));
    }

    // ---- the extension itself ----

    function test_extension_calledDirectlyNobodyHoldsARole() public {
        for (uint256 h = 0; h < 6; ++h) {
            for (uint256 r = 0; r < 6; ++r) {
                assertTrue(!IAccessControl(extension).hasRole(roles[r], holders[h]), "hasRole");
            }
        }
        vm.expectRevert(unauthorized(admin, ADMIN_ROLE));
        vm.prank(admin);
        IAccessControl(extension).grantRole(ADMIN_ROLE, admin);
    }
}
