// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {State} from "./State.sol";

/// @title What every routed call runs
/// @dev One block of assembly, since every user pays for it. In Solidity it would read:
///
///     uint256 index = selector % state.pages();
///     address page = index == 0 ? state.table() : PageStore.sibling(state.table(), index);
///     (address target, bytes32 want) = Page.lookup(Page.read(page), selector);
///     if (target == address(0)) {
///         if (selector == delay.selector) return delay;
///         target = extension;
///     } else {
///         if (state.paused()) revert DispatcherPaused();
///         if (target.codehash != want) revert CodehashMismatch(selector, want, target.codehash);
///     }
///     ... and delegate the call to target
///
/// The loupe is that Solidity, and the tests compare it with routed calls.
library Router {
    // Literals, since assembly reads no others; the tests hold them to Page and to the interface.
    uint256 internal constant HEADER = 5;
    uint256 internal constant ENTRY = 5;
    uint256 internal constant FACET = 52;
    /// @dev Header, displacements and entries of the largest page, and the last place among them where a facet fits.
    uint256 internal constant MAX_HEAD = 539;
    uint256 internal constant LAST_FACET = 487;
    uint256 internal constant P = 4294967311;

    // the selectors of delay(), DispatcherPaused() and CodehashMismatch(bytes4,bytes32,bytes32)
    uint256 internal constant DELAY = 0x6a42b8f8;
    uint256 internal constant PAUSED = 0xf47ab743;
    uint256 internal constant MISMATCH = 0x65503219;

    /// @notice Answers the current call; does not return.
    /// @param create2Prefix 0xff and the address of this contract, at the left.
    /// @param initCodeHash That of a page.
    /// @param extension Who answers a selector that has no route.
    /// @param delay_ What `delay()` answers: only this contract knows it.
    /// @dev It writes all of memory, since nothing in Solidity runs after it. That is safe only as long as the compiler
    /// keeps none of its variables in memory, which the annotation would allow: script/artifacts.js fails if it does.
    function route(State state, bytes32 create2Prefix, bytes32 initCodeHash, address extension, uint256 delay_)
        internal
    {
        assembly ("memory-safe") {
            function delegate(target) {
                calldatacopy(0, 0, calldatasize())
                let ok := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
                returndatacopy(0, 0, returndatasize())
                if ok { return(0, returndatasize()) }
                revert(0, returndatasize())
            }

            let selector := shr(224, calldataload(0))

            // The page. Opcodes that take an address look at its lower 160 bits only.
            let page := state
            {
                let index := mod(selector, byte(2, state))
                if index {
                    // EIP-1014, with the salt of PageStore
                    mstore(0, create2Prefix)
                    mstore(21, or(shl(96, state), index))
                    mstore(53, initCodeHash)
                    page := keccak256(0, 85)
                }
            }
            // beyond the end of the code the copy is zero
            extcodecopy(page, 0, 0, MAX_HEAD)

            // The place of the facet on it.
            let facet
            {
                let header := mload(0)
                let n := byte(3, header)
                let b := div(add(n, 2), 3)
                let entry
                {
                    let h := mulmod(selector, byte(4, header), P)
                    let displacement := byte(0, mload(add(HEADER, mod(h, b))))
                    let i := mod(mulmod(h, add(displacement, 1), P), n)
                    entry := mload(add(add(HEADER, b), mul(i, ENTRY)))
                }
                if or(xor(shr(224, entry), selector), iszero(n)) {
                    if eq(selector, DELAY) {
                        if callvalue() { revert(0, 0) }
                        mstore(0, delay_)
                        return(0, 32)
                    }
                    delegate(extension)
                }
                facet := add(add(add(HEADER, b), mul(n, ENTRY)), mul(byte(4, entry), FACET))
            }
            if gt(facet, LAST_FACET) {
                extcodecopy(page, 0, facet, FACET)
                facet := 0
            }

            let target := shr(96, mload(facet))
            let want := mload(add(facet, 20))
            let got := extcodehash(target)
            // the highest bit in use says that calls are paused
            if or(xor(got, want), shr(254, state)) {
                if shr(254, state) {
                    mstore(0, shl(224, PAUSED))
                    revert(0, 4)
                }
                mstore(0, shl(224, MISMATCH))
                mstore(4, shl(224, selector))
                mstore(36, want)
                mstore(68, got)
                revert(0, 100)
            }
            delegate(target)
        }
    }
}
