// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDispatcherErrors, IDispatcherEvents} from "../IManifestDispatcher.sol";
import {Page} from "./Page.sol";
import {PageStore} from "./PageStore.sol";
import {State} from "./State.sol";
import {rootAt, store, INIT_TYPEHASH_} from "./Store.sol";

/// @dev How long after eta a commitment can be activated.
uint256 constant ACTIVATION_WINDOW = 14 days;

/// @title What the dispatcher and its extension share of a manifest's life
library Lifecycle {
    using Page for bytes;

    /// @notice The committed root, if it has not expired.
    function pendingRoot(State s) internal view returns (bytes32) {
        uint256 eta = s.eta();
        if (eta == 0) revert IDispatcherErrors.NothingPending();
        unchecked {
            // 40 bits and 14 days
            uint256 deadline = eta + ACTIVATION_WINDOW;
            if (block.timestamp > deadline) revert IDispatcherErrors.ManifestExpired(deadline, block.timestamp);
        }
        return rootAt(s.nextEpoch()).value;
    }

    /// @notice The root of a manifest with an init call: keccak256(abi.encode(INIT_TYPEHASH, routesRoot, initHash)).
    function rootOf(bytes32 routesRoot, bytes32 initHash) internal pure returns (bytes32) {
        bytes32 typehash = INIT_TYPEHASH_;
        bytes32 root;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            mstore(add(free, 0x20), routesRoot)
            mstore(add(free, 0x40), initHash)
            root := keccak256(free, 0x60)
        }
        return root;
    }

    /// @notice Makes the pages of `routesRoot` live and all others dead, if the timelock has run, every page is there
    /// and every facet's code is still the pinned one.
    function activate(State s, bytes32 root, bytes32 routesRoot) internal {
        if (block.timestamp < s.eta()) revert IDispatcherErrors.ActivationNotReady(s.eta(), block.timestamp);
        address first = PageStore.addressOfSalt(routesRoot);
        uint256 pages = 1;
        unchecked {
            for (uint256 i = 0; i < pages; ++i) {
                bytes memory page = Page.read(i == 0 ? first : PageStore.sibling(first, i));
                if (page.length == 0) revert IDispatcherErrors.PageMissing(routesRoot, i);
                uint256 start = page.start();
                uint256 header = Page.word(start);
                if (i == 0) pages = Page.pages(header);
                if (Page.pages(header) != pages) revert IDispatcherErrors.MalformedPage();
                uint256 end = start + page.length;
                for (uint256 p = start + Page.facetsOffset(Page.routes(header)); p < end; p += Page.FACET) {
                    requireCodehash(start, p);
                }
            }
        }
        store().state = s.activated(first, pages);
        emit IDispatcherEvents.Activated(root, s.nextEpoch());
    }

    /// @notice The live code of the facet at pointer `p`, on the page at pointer `start`, must be the pinned one.
    function requireCodehash(uint256 start, uint256 p) internal view {
        unchecked {
            bytes32 want = bytes32(Page.word(p + 20));
            bytes32 got = address(uint160(Page.word(p) >> 96)).codehash;
            if (got != want) revert IDispatcherErrors.CodehashMismatch(Page.firstSelector(start, p), want, got);
        }
    }

    /// @notice A facet or init has code; not this contract's, none that begins with 0xef (an EIP-7702 delegation, which
    /// its owner can change) and none with 0x00 (a page).
    function requireCode(address account) internal view {
        uint256 first;
        assembly ("memory-safe") {
            extcodecopy(account, 0, 0, 1)
            first := byte(0, mload(0))
        }
        if (first == 0 && account.code.length == 0) revert IDispatcherErrors.CodeMissing(account);
        if (first == 0 || first == 0xef || account == address(this)) revert IDispatcherErrors.CodeForbidden(account);
    }
}
