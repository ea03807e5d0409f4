// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

struct Route {
    bytes4 selector;
    address facet;
    bytes32 codeHash;
}

struct Manifest {
    bytes32 routesRoot;
    bytes[] pages;
    /// @dev Merkle tree as an array: the root first, the children of node i at 2i + 1 and 2i + 2, the leaves last.
    bytes32[] tree;
}

/// @title Builds manifests for tests
/// @dev Written from the description of the format in Page.sol, without its code, so that the tests compare two
/// readings of it. Plain and deterministic: the same routes give the same bytes.
library PageBuilder {
    uint256 private constant PRIME = 4294967311;

    error NoPerfectHash();

    /// @notice The manifest of `routes` on `pages` pages.
    function build(Route[] memory routes, uint256 pages) internal pure returns (Manifest memory) {
        bytes[] memory built = new bytes[](pages);
        for (uint256 i = 0; i < pages; ++i) {
            built[i] = page(select(routes, pages, i), pages, i);
        }
        return ofPages(built);
    }

    /// @notice The manifest of these pages as they are, malformed or not.
    function ofPages(bytes[] memory pages) internal pure returns (Manifest memory m) {
        uint256 n = pages.length;
        m.pages = pages;
        m.tree = new bytes32[](2 * n - 1);
        for (uint256 i = 0; i < n; ++i) {
            m.tree[2 * n - 2 - i] = leaf(pages[i]);
        }
        for (uint256 i = n - 1; i > 0; --i) {
            m.tree[i - 1] = hashPair(m.tree[2 * i - 1], m.tree[2 * i]);
        }
        m.routesRoot = m.tree[0];
    }

    /// @notice The manifest of one page as it is.
    function ofPage(bytes memory page_) internal pure returns (Manifest memory) {
        bytes[] memory pages = new bytes[](1);
        pages[0] = page_;
        return ofPages(pages);
    }

    function leaf(bytes memory page_) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(page_)));
    }

    /// @notice The siblings on the way from page `index` to the root.
    function proof(Manifest memory m, uint256 index) internal pure returns (bytes32[] memory siblings) {
        uint256 start = m.tree.length - 1 - index;
        uint256 depth;
        for (uint256 i = start; i > 0; i = (i - 1) / 2) {
            ++depth;
        }
        siblings = new bytes32[](depth);
        uint256 level;
        for (uint256 i = start; i > 0; i = (i - 1) / 2) {
            siblings[level++] = m.tree[i % 2 == 0 ? i - 1 : i + 1];
        }
    }

    /// @notice The routes that belong on page `index`.
    function select(Route[] memory routes, uint256 pages, uint256 index) internal pure returns (Route[] memory chosen) {
        uint256 count;
        for (uint256 i = 0; i < routes.length; ++i) {
            if (uint32(routes[i].selector) % pages == index) ++count;
        }
        chosen = new Route[](count);
        count = 0;
        for (uint256 i = 0; i < routes.length; ++i) {
            if (uint32(routes[i].selector) % pages == index) chosen[count++] = routes[i];
        }
    }

    /// @notice The page of these routes, whether or not they belong on it.
    function page(Route[] memory routes, uint256 pages, uint256 index) internal pure returns (bytes memory) {
        (uint256 seed, uint256[] memory displacements) = perfectHash(routes);
        Route[] memory facets = facetsOf(routes);
        uint256 n = routes.length;

        bytes memory head = abi.encodePacked(uint8(0), uint8(pages), uint8(index), uint8(n), uint8(seed));
        for (uint256 k = 0; k < displacements.length; ++k) {
            head = bytes.concat(head, bytes1(uint8(displacements[k])));
        }
        bytes[] memory entries = new bytes[](n);
        for (uint256 r = 0; r < n; ++r) {
            uint256 f;
            while (facets[f].facet != routes[r].facet) ++f;
            entries[position(routes[r].selector, n, seed, displacements)] =
                abi.encodePacked(routes[r].selector, uint8(f));
        }
        bytes memory body;
        for (uint256 i = 0; i < n; ++i) {
            body = bytes.concat(body, entries[i]);
        }
        bytes memory tail;
        for (uint256 f = 0; f < facets.length; ++f) {
            tail = bytes.concat(tail, abi.encodePacked(facets[f].facet, facets[f].codeHash));
        }
        return bytes.concat(head, body, tail);
    }

    /// @notice One route for each facet, ascending by address.
    function facetsOf(Route[] memory routes) internal pure returns (Route[] memory facets) {
        Route[] memory sorted = new Route[](routes.length);
        uint256 count;
        for (uint256 r = 0; r < routes.length; ++r) {
            uint256 slot;
            while (slot < count && sorted[slot].facet < routes[r].facet) ++slot;
            if (slot < count && sorted[slot].facet == routes[r].facet) continue;
            for (uint256 i = count; i > slot; --i) {
                sorted[i] = sorted[i - 1];
            }
            sorted[slot] = routes[r];
            ++count;
        }
        facets = new Route[](count);
        for (uint256 i = 0; i < count; ++i) {
            facets[i] = sorted[i];
        }
    }

    function position(bytes4 selector, uint256 n, uint256 seed, uint256[] memory displacements)
        internal
        pure
        returns (uint256)
    {
        uint256 h = mulmod(uint32(selector), seed, PRIME);
        return entryOf(h, displacements[h % displacements.length], n);
    }

    /// @notice A seed and displacements that give each route an entry of its own.
    function perfectHash(Route[] memory routes) internal pure returns (uint256 seed, uint256[] memory displacements) {
        for (seed = 1; seed <= type(uint8).max; ++seed) {
            bool found;
            (found, displacements) = placeAll(routes, seed);
            if (found) return (seed, displacements);
        }
        revert NoPerfectHash();
    }

    /// @dev The largest bucket chooses first, each the least displacement that leads it to free entries only.
    function placeAll(Route[] memory routes, uint256 seed)
        private
        pure
        returns (bool found, uint256[] memory displacements)
    {
        uint256 n = routes.length;
        uint256[][] memory buckets = bucketsOf(routes, seed);
        displacements = new uint256[](buckets.length);
        uint256 taken; // a bit for each entry
        for (uint256 size = n; size > 0; --size) {
            for (uint256 k = 0; k < buckets.length; ++k) {
                if (buckets[k].length != size) continue;
                (found, displacements[k], taken) = fit(buckets[k], taken, n);
                if (!found) return (false, displacements);
            }
        }
        return (true, displacements);
    }

    function bucketsOf(Route[] memory routes, uint256 seed) private pure returns (uint256[][] memory buckets) {
        uint256 b = (routes.length + 2) / 3;
        uint256[] memory sizes = new uint256[](b);
        for (uint256 r = 0; r < routes.length; ++r) {
            ++sizes[mulmod(uint32(routes[r].selector), seed, PRIME) % b];
        }
        buckets = new uint256[][](b);
        for (uint256 k = 0; k < b; ++k) {
            buckets[k] = new uint256[](sizes[k]);
        }
        for (uint256 r = 0; r < routes.length; ++r) {
            uint256 h = mulmod(uint32(routes[r].selector), seed, PRIME);
            buckets[h % b][--sizes[h % b]] = h;
        }
    }

    function fit(uint256[] memory bucket, uint256 taken, uint256 n)
        private
        pure
        returns (bool found, uint256 d, uint256 takenAfter)
    {
        for (d = 0; d <= type(uint8).max && !found; ++d) {
            found = true;
            takenAfter = taken;
            for (uint256 i = 0; i < bucket.length && found; ++i) {
                uint256 bit = 1 << entryOf(bucket[i], d, n);
                found = takenAfter & bit == 0;
                takenAfter |= bit;
            }
        }
        if (found) --d;
    }

    function entryOf(uint256 h, uint256 displacement, uint256 n) private pure returns (uint256) {
        return mulmod(h, displacement + 1, PRIME) % n;
    }

    function hashPair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }
}
