// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDiamondLoupe} from "../../src/IManifestDispatcher.sol";
import {DispatcherTest} from "../DispatcherTest.sol";

/// @dev Of the code as it is released.
contract LoupeGasTest is DispatcherTest {
    /// @dev A node bounds the gas of a call that somebody asks it for. To read the pages for each facet anew took 9,746,180.
    function test_facets_readsThePagesOnce_gas() public {
        goLive(echoManifest(300, 50, 12));
        uint256 before = gasleft();
        IDiamondLoupe.Facet[] memory all = dispatcher.facets();
        assertTrue(before - gasleft() < 7_000_000, "gas");
        assertEq(all.length, 50, "facets");
        assertEq(all[49].functionSelectors.length, 6, "selectors of the last");
    }
}
