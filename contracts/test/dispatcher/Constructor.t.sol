// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IDispatcherExtension, IManifestDispatcher} from "../../src/IManifestDispatcher.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Mute} from "../Facets.sol";
import {Vm} from "../Vm.sol";

contract ConstructorTest is DispatcherTest {
    /// @dev External, so that a refusal is that of a call.
    function deploy(address extension_, uint256 delay, address admin_) external returns (IManifestDispatcher) {
        return IManifestDispatcher(create(dispatcherCode(extension_, delay, admin_)));
    }

    function test_constructor_refusesNoDelay() public {
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 0, 1, 365 days));
        this.deploy(extension, 0, admin);
    }

    function test_constructor_refusesADelayOfMoreThanAYear() public {
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 365 days + 1, 1, 365 days));
        this.deploy(extension, 365 days + 1, admin);
    }

    function testFuzz_constructor_keepsTheDelay(uint256 delay) public {
        delay = bound(delay, 1, 365 days);
        IManifestDispatcher d = this.deploy(extension, delay, admin);
        assertEq(d.delay(), delay, "delay");
        assertEq(d.dispatcherState().delay, delay, "delay in the state");
    }

    function test_constructor_takesTheLeastAndTheLongestDelay() public {
        assertEq(this.deploy(extension, 1, admin).delay(), 1, "least");
        assertEq(this.deploy(extension, 365 days, admin).delay(), 365 days, "longest");
    }

    function test_constructor_refusesTheZeroAdmin() public {
        vm.expectRevert(abi.encodeWithSelector(InvalidAdmin.selector));
        this.deploy(extension, DELAY, address(0));
    }

    function test_constructor_refusesAnExtensionWithoutCode() public {
        vm.expectRevert(abi.encodeWithSelector(InvalidExtension.selector, stranger));
        this.deploy(stranger, DELAY, admin);
    }

    function test_constructor_refusesAnExtensionThatIsNone() public {
        address mute = address(new Mute());
        vm.expectRevert();
        this.deploy(mute, DELAY, admin);
    }

    /// @dev Another dispatcher answers `extension()` too, with another address than its own.
    function test_constructor_refusesADispatcherAsExtension() public {
        vm.expectRevert(abi.encodeWithSelector(InvalidExtension.selector, address(dispatcher)));
        this.deploy(address(dispatcher), DELAY, admin);
    }

    /// @dev eta has 40 bits. A network that counts milliseconds would soon overflow it.
    function test_constructor_refusesTimesThatAreNoSeconds() public {
        uint256 last = type(uint40).max - 365 days;
        vm.warp(last);
        this.deploy(extension, DELAY, admin);
        vm.warp(1_900_000_000_000);
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 1_900_000_000_000, 0, last));
        this.deploy(extension, DELAY, admin);
    }

    function test_constructor_beginsEmpty() public view {
        IDispatcherExtension.DispatcherState memory s = dispatcher.dispatcherState();
        assertEq(s.activeRoot, 0, "active root");
        assertEq(s.activeRoutesRoot, 0, "active routesRoot");
        assertEq(s.activeEpoch, 0, "active epoch");
        assertEq(s.activePages, 0, "active pages");
        assertEq(s.pendingRoot, 0, "pending root");
        assertEq(s.pendingEpoch, 0, "pending epoch");
        assertEq(s.eta, 0, "eta");
        assertEq(s.pendingBatchSize, 0, "limit of the commitment");
        assertTrue(!s.paused, "paused");
        assertEq(s.etaGrace, 60, "grace");
        assertEq(s.maxBatchSize, 50, "limit");
        assertEq(s.delay, DELAY, "delay");
        assertEq(s.extension, extension, "extension");
    }

    function test_constructor_givesTheAdminItsRoleAndNoOther() public {
        vm.recordLogs();
        IManifestDispatcher d = this.deploy(extension, DELAY, stranger);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "events");
        assertEq(logs[0].emitter, address(d), "emitter");
        assertEq(logs[0].topics[0], IAccessControl.RoleGranted.selector, "event");
        assertEq(logs[0].topics[1], ADMIN_ROLE, "role");
        assertEq(logs[0].topics[2], bytes32(uint256(uint160(stranger))), "account");
        assertEq(logs[0].topics[3], bytes32(uint256(uint160(address(this)))), "sender");

        assertTrue(d.hasRole(ADMIN_ROLE, stranger), "admin");
        bytes32[5] memory others = [GOVERNANCE_ROLE, COMMIT_ROLE, APPLY_ROLE, PAUSER_ROLE, EMERGENCY_ROLE];
        for (uint256 i = 0; i < 5; ++i) {
            assertTrue(!d.hasRole(others[i], stranger), "another role");
        }
        assertTrue(!d.hasRole(ADMIN_ROLE, address(this)), "deployer");
    }
}
