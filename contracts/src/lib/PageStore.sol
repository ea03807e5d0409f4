// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDispatcherCore} from "../IManifestDispatcher.sol";

/// @title Pages stored as code
/// @notice A page is created by the dispatcher with CREATE2 from a constant init code, which asks its creator for the
/// bytes to store. So its address follows from the routesRoot and the page's index alone, and no pointer is stored.
/// @dev The bytes wait in transient storage (EIP-1153, Cancun) while the page is created.
library PageStore {
    /// @dev PUSH4 stagingPage.selector, PUSH0, MSTORE; STATICCALL(gas, caller, 28, 4, 0, 0);
    /// RETURNDATACOPY(0, 0, returndatasize); RETURN(0, returndatasize)
    bytes internal constant INIT_CODE =
        abi.encodePacked(hex"63", IDispatcherCore.stagingPage.selector, hex"5f525f5f6004601c335afa3d5f5f3e3d5ff3");
    bytes32 internal constant INIT_CODE_HASH = keccak256(INIT_CODE);

    // keccak256(abi.encode(uint256(keccak256("lockstep.transient.StagingPage")) - 1)) & ~bytes32(uint256(0xff))
    // Length at SLOT, words from SLOT + 1. A namespace of its own: facets may use transient storage from slot 0.
    uint256 private constant SLOT = 0xc2d51251ef7b269a9637e8756ad5739363236e9ffbdf4ed3d57e4a8c6d270c00;

    /// @notice The address of a page of a manifest.
    function addressOf(bytes32 routesRoot, uint256 index) internal view returns (address) {
        address first = create2Address(routesRoot);
        return index == 0 ? first : sibling(first, index);
    }

    /// @notice The address of page `index` > 0 of the manifest whose page 0 is at `first`.
    function sibling(address first, uint256 index) internal view returns (address) {
        return create2Address(siblingSalt(first, index));
    }

    /// @notice Stores a page. The caller has checked that nothing is stored there yet.
    /// @return page_ Where it is stored; zero if it could not be.
    function create(bytes32 routesRoot, uint256 index, bytes calldata page) internal returns (address page_) {
        bytes32 salt = index == 0 ? routesRoot : siblingSalt(create2Address(routesRoot), index);
        bytes memory initCode = INIT_CODE;
        assembly ("memory-safe") {
            tstore(SLOT, page.length)
            for { let i := 0 } lt(mul(i, 32), page.length) { i := add(i, 1) } {
                tstore(add(add(SLOT, 1), i), calldataload(add(page.offset, mul(i, 32))))
            }
            page_ := create2(0, add(initCode, 0x20), mload(initCode), salt)
            tstore(SLOT, 0)
        }
        if (page_.codehash != keccak256(page)) return address(0);
    }

    /// @notice Answers the init code of a page: returns the waiting bytes from the current call.
    function answer() internal view {
        assembly ("memory-safe") {
            let length := tload(SLOT)
            let buffer := mload(0x40)
            for { let i := 0 } lt(mul(i, 32), length) { i := add(i, 1) } {
                mstore(add(buffer, mul(i, 32)), tload(add(add(SLOT, 1), i)))
            }
            return(buffer, length)
        }
    }

    function siblingSalt(address first, uint256 index) private pure returns (bytes32) {
        return bytes32((uint256(uint160(first)) << 96) | index);
    }

    function create2Address(bytes32 salt) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, INIT_CODE_HASH)))));
    }
}
