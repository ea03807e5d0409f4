// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @dev The few assertions that these tests use.
abstract contract Test {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    function assertTrue(bool value, string memory reason) internal pure {
        vm.assertTrue(value, reason);
    }

    function assertEq(uint256 got, uint256 want, string memory reason) internal pure {
        vm.assertEq(got, want, reason);
    }

    function assertEq(bytes32 got, bytes32 want, string memory reason) internal pure {
        vm.assertEq(got, want, reason);
    }

    function assertEq(address got, address want, string memory reason) internal pure {
        vm.assertEq(got, want, reason);
    }

    function assertEq(bytes memory got, bytes memory want, string memory reason) internal pure {
        vm.assertEq(got, want, reason);
    }

    /// @dev Brings a fuzzed number into min..max.
    function bound(uint256 x, uint256 min, uint256 max) internal pure returns (uint256) {
        return x >= min && x <= max ? x : min + x % (max - min + 1);
    }
}
