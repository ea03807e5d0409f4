// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IManifestDispatcher} from "../../src/IManifestDispatcher.sol";
import {STORE_SLOT} from "../../src/lib/Store.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Setup} from "../Facets.sol";
import {Manifest, PageBuilder, Route} from "../PageBuilder.sol";

contract StoreTest is DispatcherTest {
    function test_store_isAnErc7201Namespace() public pure {
        assertEq(
            STORE_SLOT,
            keccak256(abi.encode(uint256(keccak256("lockstep.storage.ManifestDispatcher")) - 1))
                & ~bytes32(uint256(0xff)),
            "slot"
        );
    }

    function slotAt(uint256 offset) private pure returns (bytes32) {
        return bytes32(uint256(STORE_SLOT) + offset);
    }

    /// @dev state, two roots, grace; then the entries of both mappings that a life can touch.
    function slotsOf(bytes32 rootWithInit_) private pure returns (bytes32[] memory slots) {
        address[7] memory holders = [admin, governor, committer, applier, pauser, guardian, stranger];
        slots = new bytes32[](12);
        for (uint256 i = 0; i < 4; ++i) {
            slots[i] = slotAt(i);
        }
        for (uint256 i = 0; i < 7; ++i) {
            slots[4 + i] = keccak256(abi.encode(holders[i], slotAt(4)));
        }
        slots[11] = keccak256(abi.encode(rootWithInit_, slotAt(5)));
    }

    /// @dev A whole life, from the constructor on: each slot written lies in the namespace, and each of the namespace
    /// is written.
    function test_store_holdsAllThatIsWritten() public {
        vm.record();
        dispatcher = IManifestDispatcher(create(dispatcherCode(extension, DELAY, admin)));
        grant(GOVERNANCE_ROLE, governor);
        grant(COMMIT_ROLE, committer);
        grant(APPLY_ROLE, applier);
        grant(PAUSER_ROLE, pauser);
        grant(EMERGENCY_ROLE, guardian);
        grant(COMMIT_ROLE, stranger);
        vm.prank(admin);
        dispatcher.revokeRole(COMMIT_ROLE, stranger);
        vm.prank(governor);
        dispatcher.setEtaGrace(90);
        vm.prank(governor);
        dispatcher.setMaxBatchSize(60);

        goLive(echoManifest(12, 3, 2));
        assertAnsweredBy(selectorOf(3), 0);
        commit(keccak256("never"));
        vm.prank(guardian);
        dispatcher.cancelCommit();
        vm.prank(pauser);
        dispatcher.pause();
        vm.prank(guardian);
        dispatcher.unpause();

        Setup init = new Setup();
        // an init that writes nothing of its own
        bytes memory data = abi.encodeWithSelector(init.value.selector);
        Route[] memory routes = echoRoutes(4, 2);
        Manifest memory m = PageBuilder.build(routes, 1);
        bytes32 initHash = initHashOf(address(init), data);
        bytes32 root = rootWithInit(m.routesRoot, initHash);
        commit(root);
        stagePage(m, 0, initHash);
        warpBy(DELAY);
        vm.prank(applier);
        dispatcher.activateCommittedRootAndCall(m.routesRoot, address(init), data);
        assertEq(dispatcher.activeRoutesRoot(), m.routesRoot, "active routesRoot");

        bytes32[] memory slots = slotsOf(root);
        bool[] memory seen = new bool[](slots.length);
        (, bytes32[] memory writes) = vm.accesses(address(dispatcher));
        for (uint256 w = 0; w < writes.length; ++w) {
            bool inside;
            for (uint256 i = 0; i < slots.length; ++i) {
                if (writes[w] != slots[i]) continue;
                inside = true;
                seen[i] = true;
            }
            assertTrue(inside, "a slot outside the namespace was written");
        }
        for (uint256 i = 0; i < slots.length; ++i) {
            assertTrue(seen[i], "a slot of the namespace was never written");
        }
        (, writes) = vm.accesses(extension);
        assertEq(writes.length, 0, "slots of the extension itself");
    }
}
