// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Pages stored as code
/// @notice A page is created by the dispatcher with CREATE2 from a constant init code, which asks its creator for the
/// bytes to store. So its address follows from the routesRoot and the page's index alone, and no pointer is stored.
/// @dev The bytes wait in transient storage (EIP-1153, Cancun) while the page is created.
library PageStore {
    /// @dev PUSH4 stagingPage.selector, PUSH0, MSTORE; STATICCALL(gas, caller, 28, 4, 0, 0); RETURNDATASIZE, MUL,
    /// PUSH1 22, JUMPI, INVALID, JUMPDEST; RETURNDATACOPY(0, 0, returndatasize); RETURN(0, returndatasize). It fails
    /// unless it gets an answer that is not empty: neither a call that runs out of gas nor a facet that lets its caller
    /// create contracts may leave an empty account where a page belongs, for nothing could be staged there any more.
    uint256 private constant INIT_CODE = 0x6310eddfa75f525f5f6004601c335afa3d02601657fe5b3d5f5f3e3d5ff3;
    uint256 private constant INIT_CODE_SIZE = 30;
    /// @dev keccak256 of the init code.
    bytes32 internal constant INIT_CODE_HASH = 0x73954d0b89449abd8f47cadd88353cca2c673d3e78c027dd3cfd82806faf76e9;

    /// @dev bytes8(keccak256("lockstep.transient.StagingPage")): facets may use transient storage from slot 0. Length
    /// at SLOT, the word that begins with byte i at SLOT + 1 + i.
    uint256 private constant SLOT = 0x395a0ea5efbc44be;

    /// @notice The address of a page of a manifest.
    function addressOf(bytes32 routesRoot, uint256 index) internal view returns (address) {
        address first = addressOfSalt(routesRoot);
        return index == 0 ? first : sibling(first, index);
    }

    /// @notice The address of page `index` > 0 of the manifest whose page 0 is at `first`.
    function sibling(address first, uint256 index) internal view returns (address) {
        return addressOfSalt(siblingSalt(first, index));
    }

    /// @notice Stores a page. The caller has checked that nothing is stored there yet.
    /// @return page_ Where it is stored; zero if it could not be.
    function create(bytes32 salt_, bytes memory page) internal returns (address page_) {
        assembly ("memory-safe") {
            let length := mload(page)
            tstore(SLOT, length)
            for { let i := 0 } lt(i, length) { i := add(i, 32) } {
                tstore(add(add(SLOT, 1), i), mload(add(add(page, 0x20), i)))
            }
            mstore(0, INIT_CODE)
            page_ := create2(0, sub(32, INIT_CODE_SIZE), INIT_CODE_SIZE, salt_)
            tstore(SLOT, 0)
        }
    }

    /// @notice Answers the init code of a page: returns the waiting bytes from the current call.
    function answer() internal view {
        assembly ("memory-safe") {
            let length := tload(SLOT)
            let buffer := mload(0x40)
            for { let i := 0 } lt(i, length) { i := add(i, 32) } {
                mstore(add(buffer, i), tload(add(add(SLOT, 1), i)))
            }
            return(buffer, length)
        }
    }

    /// @notice The salt of page `index` of the manifest whose page 0 is at `first`.
    function salt(bytes32 routesRoot, uint256 index) internal view returns (bytes32) {
        return index == 0 ? routesRoot : siblingSalt(addressOfSalt(routesRoot), index);
    }

    function siblingSalt(address first, uint256 index) private pure returns (bytes32) {
        return bytes32((uint256(uint160(first)) << 96) | index);
    }

    /// @dev EIP-1014: the last 20 bytes of keccak256(0xff, this, salt, INIT_CODE_HASH).
    function addressOfSalt(bytes32 salt_) internal view returns (address created) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore(buffer, or(shl(248, 0xff), shl(88, address())))
            mstore(add(buffer, 21), salt_)
            mstore(add(buffer, 53), INIT_CODE_HASH)
            created := and(keccak256(buffer, 85), 0xffffffffffffffffffffffffffffffffffffffff)
        }
    }
}
