// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IManifestDispatcher} from "../../src/IManifestDispatcher.sol";
import {DispatcherTest} from "../DispatcherTest.sol";

/// @dev The list of reserved selectors is written by hand; the compiler's list of functions says whether it is whole.
contract ReservedSelectorsTest is DispatcherTest {
    function functionsOf(string memory artifact) private view returns (bytes4[] memory selectors) {
        string memory json = vm.readFile(artifact);
        string[] memory signatures = vm.parseJsonKeys(json, ".methodIdentifiers");
        selectors = new bytes4[](signatures.length);
        for (uint256 i = 0; i < signatures.length; ++i) {
            selectors[i] = bytes4(keccak256(bytes(signatures[i])));
        }
    }

    function contains(bytes4[] memory selectors, bytes4 selector) private pure returns (bool) {
        for (uint256 i = 0; i < selectors.length; ++i) {
            if (selectors[i] == selector) return true;
        }
        return false;
    }

    function test_reserved_areTheFunctionsOfBothContracts() public view {
        bytes4[] memory core = functionsOf("out/ManifestDispatcher.sol/ManifestDispatcher.json");
        bytes4[] memory rest = functionsOf("out/DispatcherExtension.sol/DispatcherExtension.json");
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        // the fallback of the core answers delay()
        assertEq(reserved.length, core.length + rest.length + 1, "number");
        assertTrue(contains(reserved, IManifestDispatcher.delay.selector), "delay()");
        for (uint256 i = 0; i < core.length; ++i) {
            assertTrue(contains(reserved, core[i]), vm.toString(core[i]));
            assertTrue(!contains(rest, core[i]), "in one of them only");
        }
        for (uint256 i = 0; i < rest.length; ++i) {
            assertTrue(contains(reserved, rest[i]), vm.toString(rest[i]));
        }
    }

    function test_reserved_areTheFunctionsOfTheInterface() public view {
        bytes4[] memory functions = functionsOf("out/IManifestDispatcher.sol/IManifestDispatcher.json");
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        assertEq(reserved.length, functions.length, "number");
        for (uint256 i = 0; i < functions.length; ++i) {
            assertTrue(contains(reserved, functions[i]), vm.toString(functions[i]));
        }
    }

    function test_reserved_holdsNoSelectorTwice() public view {
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        for (uint256 i = 0; i < reserved.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                assertTrue(reserved[i] != reserved[j], vm.toString(reserved[i]));
            }
        }
    }

    function test_isReserved_ofEach() public view {
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        for (uint256 i = 0; i < reserved.length; ++i) {
            assertTrue(dispatcher.isReserved(reserved[i]), vm.toString(reserved[i]));
        }
    }

    function testFuzz_isReserved_ofNoOther(bytes4 selector) public view {
        assertTrue(dispatcher.isReserved(selector) == contains(dispatcher.reservedSelectors(), selector), "isReserved");
    }

    /// @dev Nobody's call with arguments of zero: it is answered, or refused for the role, and never unknown.
    function assertReachable() private {
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        uint256 guarded;
        for (uint256 i = 0; i < reserved.length; ++i) {
            vm.prank(stranger);
            (bool ok, bytes memory result) = address(dispatcher).call(bytes.concat(reserved[i], new bytes(10 * 32)));
            if (ok) {
                assertTrue(
                    result.length != 0 || reserved[i] == dispatcher.stagingPage.selector, vm.toString(reserved[i])
                );
            } else if (reserved[i] == dispatcher.renounceRole.selector) {
                assertEq(
                    result,
                    abi.encodeWithSelector(IAccessControl.AccessControlBadConfirmation.selector),
                    vm.toString(reserved[i])
                );
            } else {
                ++guarded;
                assertEq(
                    bytes32(bytes4(result)),
                    bytes32(IAccessControl.AccessControlUnauthorizedAccount.selector),
                    vm.toString(reserved[i])
                );
            }
        }
        assertEq(guarded, 11, "guarded functions");
    }

    function test_reserved_areReachable() public {
        assertReachable();
    }

    function test_reserved_areReachableBesideAManifest() public {
        goLive(echoManifest(30, 3, 3));
        assertReachable();
        vm.prank(pauser);
        dispatcher.pause();
        assertReachable();
    }

    /// @dev Value sent to a function of the dispatcher's own would be lost in it.
    function test_reserved_takeNoValue() public {
        bytes4[] memory reserved = dispatcher.reservedSelectors();
        vm.deal(stranger, 1 ether);
        for (uint256 i = 0; i < reserved.length; ++i) {
            vm.prank(stranger);
            (bool ok, bytes memory result) =
                address(dispatcher).call{value: 1}(bytes.concat(reserved[i], new bytes(10 * 32)));
            assertTrue(!ok && result.length == 0, vm.toString(reserved[i]));
        }
        assertEq(address(dispatcher).balance, 0, "balance");
    }
}
