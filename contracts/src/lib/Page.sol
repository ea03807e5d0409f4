// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The page format and its lookup
/// @notice A page is stored as the code of a contract of its own. Its bytes:
///
///   0        0x00, so that a call to the page stops at once
///   1        pages: how many pages the manifest has, 1 to 255
///   2        index of this page, less than `pages`
///   3        n: routes on this page, 1 to 100
///   4        seed of the perfect hash
///   5..      b = (n + 2) / 3 displacements of one byte
///   then     n entries: selector (4), number of its facet on this page (1)
///   then     m facets: address (20), pinned code hash (32); ascending by address, each used by an entry
///
/// A selector belongs on page `selector % pages`. Its entry is found by a minimal perfect hash: with
/// h = selector * seed mod P and d = displacement[h mod b], it is entry number (h * (d + 1) mod P) mod n. The builder
/// searches seed and displacements; the dispatcher checks that every entry stands where its selector leads, which also
/// proves that no selector stands twice.
library Page {
    uint256 internal constant HEADER = 5;
    uint256 internal constant ENTRY = 5;
    uint256 internal constant FACET = 52;
    uint256 internal constant MAX_ROUTES = 100;
    /// @dev The least prime above 2^32: multiplication modulo it maps selectors one to one.
    uint256 internal constant P = 4294967311;

    /// @notice Copies the page stored at `page` to memory; empty if nothing is stored there.
    function read(address page) internal view returns (bytes memory content) {
        assembly ("memory-safe") {
            content := mload(0x40)
            let length := extcodesize(page)
            mstore(content, length)
            extcodecopy(page, add(content, 0x20), 0, length)
            // beyond the end is what was there before
            mstore(0x40, and(add(add(content, length), 0x3f), not(0x1f)))
        }
    }

    /// @notice Copies a page from calldata to memory.
    function copy(bytes calldata page) internal pure returns (bytes memory content) {
        assembly ("memory-safe") {
            content := mload(0x40)
            mstore(content, page.length)
            calldatacopy(add(content, 0x20), page.offset, page.length)
            mstore(0x40, and(add(add(content, page.length), 0x3f), not(0x1f)))
        }
    }

    // The rest reads pages that are in memory, by pointers to their bytes. What lies beyond the end of a page is not
    // zero, so the caller checks its length.

    /// @notice Pointer to the first byte.
    function start(bytes memory page) internal pure returns (uint256 p) {
        assembly ("memory-safe") {
            p := add(page, 0x20)
        }
    }

    /// @notice The 32 bytes at a pointer.
    function word(uint256 p) internal pure returns (uint256 w) {
        assembly ("memory-safe") {
            w := mload(p)
        }
    }

    function pages(uint256 header) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(1, header)
        }
    }

    function index(uint256 header) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(2, header)
        }
    }

    function routes(uint256 header) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(3, header)
        }
    }

    /// @notice Offset of the entries on a page of n routes.
    function entriesOffset(uint256 n) internal pure returns (uint256) {
        unchecked {
            return HEADER + (n + 2) / 3;
        }
    }

    /// @notice Offset of the facets on a page of n routes.
    function facetsOffset(uint256 n) internal pure returns (uint256) {
        unchecked {
            return entriesOffset(n) + n * ENTRY;
        }
    }

    /// @notice The page of `pages` > 0 on which a selector belongs.
    function home(uint256 selector, uint256 pages_) internal pure returns (uint256 h) {
        assembly ("memory-safe") {
            h := mod(selector, pages_)
        }
    }

    /// @notice The number of the entry at which the page at `p`, of n > 0 routes, must hold the selector.
    function position(uint256 p, uint256 n, uint256 selector) internal pure returns (uint256 i) {
        assembly ("memory-safe") {
            let h := mulmod(selector, byte(4, mload(p)), P)
            let displacement := byte(0, mload(add(add(p, HEADER), mod(h, div(add(n, 2), 3)))))
            i := mod(mulmod(h, add(displacement, 1), P), n)
        }
    }

    /// @notice The facet of a selector's route and its pinned code hash; zero if there is no such route, or no page.
    /// @dev What `Router.route` does in assembly, on the stored page, for every call.
    function lookup(bytes memory page, uint256 selector) internal pure returns (address facet, bytes32 codeHash) {
        if (page.length == 0) return (address(0), 0);
        uint256 n = routes(word(start(page)));
        uint256 entry = word(start(page) + entriesOffset(n) + position(start(page), n, selector) * ENTRY);
        if (entry >> 224 != selector) return (address(0), 0);
        uint256 p = start(page) + facetsOffset(n) + uint8(entry >> 216) * FACET;
        return (address(uint160(word(p) >> 96)), bytes32(word(p + 20)));
    }

    /// @notice The selector of the first entry, on the page at pointer `start_`, that leads to the facet at pointer
    /// `facet`; for the error that names it.
    function firstSelector(uint256 start_, uint256 facet) internal pure returns (bytes4) {
        unchecked {
            uint256 n = routes(word(start_));
            uint256 f = (facet - start_ - facetsOffset(n)) / FACET;
            uint256 p = start_ + entriesOffset(n);
            while (uint8(word(p) >> 216) != f) p += ENTRY;
            return bytes4(bytes32(word(p)));
        }
    }

    /// @notice Hashed twice, so that no inner node of the tree can pass for a page.
    function leaf(bytes memory page) internal pure returns (bytes32 hash) {
        hash = keccak256(page);
        assembly ("memory-safe") {
            mstore(0, hash)
            hash := keccak256(0, 32)
        }
    }
}
