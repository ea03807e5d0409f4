// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Manifest, PageBuilder, Route} from "./PageBuilder.sol";
import {Test} from "./Test.sol";

contract PageBuilderTest is Test {
    using PageBuilder for Manifest;

    function routesOf(uint256 n) private pure returns (Route[] memory routes) {
        routes = new Route[](n);
        for (uint256 i = 0; i < n; ++i) {
            routes[i] = Route(bytes4(keccak256(abi.encode(i))), address(uint160(1 + i % 3)), bytes32(i % 3));
        }
    }

    function assertPerfect(Route[] memory routes) private pure {
        uint256 n = routes.length;
        (uint256 seed, uint256[] memory displacements) = PageBuilder.perfectHash(routes);
        assertTrue(seed < 256, "seed of one byte");
        uint256 taken;
        for (uint256 i = 0; i < n; ++i) {
            uint256 position = PageBuilder.position(routes[i].selector, n, seed, displacements);
            assertTrue(position < n, "position on the page");
            assertEq(taken & (1 << position), 0, "position of its own");
            taken |= 1 << position;
        }
        for (uint256 k = 0; k < displacements.length; ++k) {
            assertTrue(displacements[k] < 256, "displacement of one byte");
        }
    }

    function test_perfectHash_ofEachNumberOfRoutes() public pure {
        for (uint256 n = 1; n <= 100; ++n) {
            assertPerfect(routesOf(n));
        }
    }

    /// @dev Whatever the seed and its displacement, selector zero stands on entry 0.
    function test_perfectHash_withSelectorZero() public pure {
        for (uint256 n = 1; n <= 100; n += 9) {
            Route[] memory routes = routesOf(n);
            routes[n / 2].selector = 0x00000000;
            assertPerfect(routes);
        }
    }

    function test_proof_isOpenZeppelins() public pure {
        for (uint256 n = 1; n < 12; ++n) {
            bytes[] memory pages = new bytes[](n);
            for (uint256 i = 0; i < n; ++i) {
                pages[i] = abi.encode(i);
            }
            Manifest memory m = PageBuilder.ofPages(pages);
            for (uint256 i = 0; i < n; ++i) {
                bytes32 leaf = keccak256(bytes.concat(keccak256(pages[i])));
                assertTrue(MerkleProof.verify(m.proof(i), m.routesRoot, leaf), "proof");
                assertTrue(!MerkleProof.verify(m.proof(i), m.routesRoot, keccak256("another leaf")), "forged");
            }
        }
    }
}
