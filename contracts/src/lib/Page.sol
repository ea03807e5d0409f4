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
    /// @dev Header, displacements and entries of the largest page.
    uint256 internal constant MAX_HEAD = 539;
    /// @dev The least prime above 2^32: multiplication modulo it maps selectors one to one.
    uint256 internal constant P = 4294967311;

    function buckets(uint256 n) internal pure returns (uint256) {
        return (n + 2) / 3;
    }

    function facetsOffset(uint256 n) internal pure returns (uint256) {
        return HEADER + buckets(n) + n * ENTRY;
    }

    /// @notice Finds the route of a selector on the page stored at `page`. `account` is zero if there is none, also if
    /// nothing is stored there.
    /// @dev Reads the head of the page in one go and then one facet. Memory beyond the free pointer is scratch.
    function lookup(address page, uint256 selector) internal view returns (address account, bytes32 codeHash) {
        assembly ("memory-safe") {
            let head := mload(0x40)
            // beyond the end of the code the copy is zero
            extcodecopy(page, head, 0, MAX_HEAD)
            let n := byte(3, mload(head))
            if n {
                let entries := add(HEADER, div(add(n, 2), 3))
                let i
                {
                    let h := mulmod(selector, byte(4, mload(head)), P)
                    let displacement := byte(0, mload(add(add(head, HEADER), mod(h, sub(entries, HEADER)))))
                    i := mod(mulmod(h, add(displacement, 1), P), n)
                }
                let entry := mload(add(head, add(entries, mul(i, ENTRY))))
                if eq(shr(224, entry), selector) {
                    let start := add(add(entries, mul(n, ENTRY)), mul(byte(4, entry), FACET))
                    extcodecopy(page, head, start, FACET)
                    account := shr(96, mload(head))
                    codeHash := mload(add(head, 20))
                }
            }
        }
    }

    /// @notice The entry number at which a page with these displacements must hold the selector.
    function position(uint256 selector, uint256 n, uint256 seed, bytes memory displacements)
        internal
        pure
        returns (uint256)
    {
        uint256 h = mulmod(selector, seed, P);
        uint256 displacement = uint8(displacements[h % displacements.length]);
        return mulmod(h, displacement + 1, P) % n;
    }

    // The rest reads pages that are in memory. Offsets are checked by the caller.

    function pages(bytes memory page) internal pure returns (uint256) {
        return uint8(page[1]);
    }

    function routes(bytes memory page) internal pure returns (uint256) {
        return uint8(page[3]);
    }

    function facetCount(bytes memory page) internal pure returns (uint256) {
        return (page.length - facetsOffset(routes(page))) / FACET;
    }

    function route(bytes memory page, uint256 i) internal pure returns (bytes4 selector, uint256 facetIndex) {
        uint256 n = routes(page);
        uint256 offset = HEADER + buckets(n) + i * ENTRY;
        assembly ("memory-safe") {
            let entry := mload(add(add(page, 0x20), offset))
            selector := and(entry, shl(224, 0xffffffff))
            facetIndex := byte(4, entry)
        }
    }

    function facet(bytes memory page, uint256 i) internal pure returns (address account, bytes32 codeHash) {
        uint256 offset = facetsOffset(routes(page)) + i * FACET;
        assembly ("memory-safe") {
            let start := add(add(page, 0x20), offset)
            account := shr(96, mload(start))
            codeHash := mload(add(start, 20))
        }
    }

    /// @notice The first selector that leads to a facet, for the error that names it.
    function firstSelector(bytes memory page, uint256 facetIndex) internal pure returns (bytes4 selector) {
        uint256 n = routes(page);
        for (uint256 i = 0; i < n; ++i) {
            uint256 f;
            (selector, f) = route(page, i);
            if (f == facetIndex) return selector;
        }
        return 0x00000000;
    }
}
