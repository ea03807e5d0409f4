// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IDispatcherCore} from "lockstep/IManifestDispatcher.sol";
import {IMarketV1, IMarketV2} from "../src/IMarket.sol";
import {IStakingV2} from "../src/IStakingV2.sol";
import {ProtocolTest} from "./Protocol.sol";
import {Route} from "./Router.sol";

contract RoutesTest is ProtocolTest {
    function test_noRouteTakesASelectorOfTheDispatcher() external view {
        bytes4[] memory reserved = deployment.selectorsOf("IManifestDispatcher");
        assertTrue(_holds(reserved, IDispatcherCore.commitRoot.selector));
        assertTrue(_holds(reserved, IAccessControl.grantRole.selector));
        Route[] memory v1 = deployment.routesV1();
        Route[] memory v2 = deployment.routesV2();
        for (uint256 i = 0; i < v1.length; ++i) {
            assertTrue(!_holds(reserved, v1[i].selector));
        }
        for (uint256 i = 0; i < v2.length; ++i) {
            assertTrue(!_holds(reserved, v2[i].selector));
        }
    }

    function test_whatV2Changes() external view {
        Route[] memory v1 = deployment.routesV1();
        Route[] memory v2 = deployment.routesV2();
        assertEq(v1.length, 22);
        assertEq(v2.length, 27);
        uint256 kept;
        uint256 replaced;
        for (uint256 i = 0; i < v2.length; ++i) {
            address before = _facet(v1, v2[i].selector);
            if (before == v2[i].facet) ++kept;
            else if (before != address(0)) ++replaced;
        }
        assertEq(kept, 12);
        assertEq(replaced, 9);

        assertTrue(_added(IStakingV2.rewardRate.selector, deployment.stakingV2()));
        assertTrue(_added(IStakingV2.rewardPool.selector, deployment.stakingV2()));
        assertTrue(_added(IStakingV2.pendingReward.selector, deployment.stakingV2()));
        assertTrue(_added(IStakingV2.claimReward.selector, deployment.stakingV2()));
        assertTrue(_added(IMarketV2.delist.selector, deployment.marketV2()));
        assertTrue(_added(IMarketV2.feeBps.selector, deployment.marketV2()));
        assertEq(_facet(v1, IMarketV1.reprice.selector), deployment.market());
        assertEq(_facet(v2, IMarketV1.reprice.selector), address(0));
    }

    function _holds(bytes4[] memory selectors, bytes4 selector) private pure returns (bool) {
        for (uint256 i = 0; i < selectors.length; ++i) {
            if (selectors[i] == selector) return true;
        }
        return false;
    }

    function _added(bytes4 selector, address facet) private view returns (bool) {
        return _facet(deployment.routesV1(), selector) == address(0) && _facet(deployment.routesV2(), selector) == facet;
    }

    function _facet(Route[] memory routes, bytes4 selector) private pure returns (address) {
        for (uint256 i = 0; i < routes.length; ++i) {
            if (routes[i].selector == selector) return routes[i].facet;
        }
        return address(0);
    }
}
