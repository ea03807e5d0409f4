// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The page format, read plainly
/// @dev Written from docs/reference/page-format.md, byte by byte, without hashing where a scan will do: what the
/// dispatcher makes of a page is compared with this.
library PlainPage {
    uint256 private constant PRIME = 4294967311;

    struct Entry {
        bytes4 selector;
        uint256 facet;
    }

    struct Facet {
        address account;
        bytes32 codeHash;
    }

    struct Content {
        uint256 pages;
        uint256 index;
        Entry[] entries;
        Facet[] facets;
    }

    /// @notice Whether the bytes are as long as their head says, so that they can be decoded.
    function isWhole(bytes memory page) internal pure returns (bool) {
        if (page.length < 5) return false;
        uint256 n = uint8(page[3]);
        uint256 head = 5 + (n + 2) / 3 + 5 * n;
        return page.length >= head && (page.length - head) % 52 == 0;
    }

    function decode(bytes memory page) internal pure returns (Content memory c) {
        uint256 n = uint8(page[3]);
        uint256 offset = 5 + (n + 2) / 3;
        c.pages = uint8(page[1]);
        c.index = uint8(page[2]);
        c.entries = new Entry[](n);
        for (uint256 i = 0; i < n; ++i) {
            c.entries[i] = Entry(bytes4(uint32(number(page, offset, 4))), uint8(page[offset + 4]));
            offset += 5;
        }
        c.facets = new Facet[]((page.length - offset) / 52);
        for (uint256 f = 0; f < c.facets.length; ++f) {
            c.facets[f] = Facet(address(uint160(number(page, offset, 20))), bytes32(number(page, offset + 20, 32)));
            offset += 52;
        }
    }

    /// @notice Whether the bytes are a page; its selectors and its facets' code are not looked at.
    function isPage(bytes memory page) internal pure returns (bool) {
        if (!isWhole(page) || page[0] != 0) return false;
        Content memory c = decode(page);
        if (c.index >= c.pages || c.entries.length == 0 || c.entries.length > 100) return false;
        for (uint256 i = 0; i < c.entries.length; ++i) {
            if (c.entries[i].facet >= c.facets.length) return false;
            uint256 selector = uint32(c.entries[i].selector);
            if (selector % c.pages != c.index || position(page, selector) != i) return false;
        }
        for (uint256 f = 0; f < c.facets.length; ++f) {
            if (!isUsed(c, f)) return false;
            if (f > 0 && c.facets[f].account <= c.facets[f - 1].account) return false;
        }
        return c.facets.length != 0;
    }

    function isUsed(Content memory c, uint256 facet) private pure returns (bool) {
        for (uint256 i = 0; i < c.entries.length; ++i) {
            if (c.entries[i].facet == facet) return true;
        }
        return false;
    }

    function position(bytes memory page, uint256 selector) private pure returns (uint256) {
        uint256 n = uint8(page[3]);
        uint256 h = selector * uint8(page[4]) % PRIME;
        uint256 displacement = uint8(page[5 + h % ((n + 2) / 3)]);
        return h * (displacement + 1) % PRIME % n;
    }

    /// @notice The route of a selector, found by looking at each entry; zero if there is none.
    function find(Content memory c, bytes4 selector) internal pure returns (address account, bytes32 codeHash) {
        for (uint256 i = 0; i < c.entries.length; ++i) {
            if (c.entries[i].selector != selector) continue;
            Facet memory facet = c.facets[c.entries[i].facet];
            return (facet.account, facet.codeHash);
        }
    }

    function number(bytes memory page, uint256 offset, uint256 size) private pure returns (uint256 value) {
        for (uint256 i = offset; i < offset + size; ++i) {
            value = (value << 8) | uint8(page[i]);
        }
    }
}
