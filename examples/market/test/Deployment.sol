// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMigrateToV2} from "../src/IMigrateToV2.sol";
import {Route, Router} from "./Router.sol";
import {VM} from "./Vm.sol";

/// @dev The facets, a Router, and the routes of both versions: every function of the facets' artifacts, so none is
/// forgotten. A contract of its own, and made from artifacts, so that it is compiled once and not into every test.
contract Deployment {
    uint256 private constant CLAIM = 1_000e18;
    uint256 private constant FEE_BPS = 250;

    Router public immutable router = Router(_deploy("Router", ""));
    address public immutable token = _deploy("Token", abi.encode(CLAIM));
    address public immutable staking = _deploy("Staking", "");
    address public immutable market = _deploy("Market", "");
    address public immutable stakingV2 = _deploy("StakingV2", "");
    address public immutable marketV2 = _deploy("MarketV2", abi.encode(FEE_BPS));
    address public immutable migration = _deploy("MigrateToV2", "");

    Route[] private v1;
    Route[] private v2;

    constructor() {
        _add(v1, "Token", token);
        _add(v1, "Staking", staking);
        _add(v1, "Market", market);
        _add(v2, "Token", token);
        _add(v2, "StakingV2", stakingV2);
        _add(v2, "MarketV2", marketV2);
    }

    function routesV1() external view returns (Route[] memory) {
        return v1;
    }

    function routesV2() external view returns (Route[] memory) {
        return v2;
    }

    function activateV1() external {
        router.activate(v1, address(0), "");
    }

    function activateV2() external {
        router.activate(v2, address(0), "");
    }

    function migrateToV2(uint256 rewardRate) external {
        router.activate(v2, migration, abi.encodeCall(IMigrateToV2.migrate, (rewardRate)));
    }

    /// @dev Every function in the artifact of a contract or interface.
    function selectorsOf(string memory name) public view returns (bytes4[] memory selectors) {
        string memory artifact = VM.readFile(string.concat("out/", name, ".sol/", name, ".json"));
        string[] memory signatures = VM.parseJsonKeys(artifact, ".methodIdentifiers");
        selectors = new bytes4[](signatures.length);
        for (uint256 i = 0; i < selectors.length; ++i) {
            selectors[i] = bytes4(keccak256(bytes(signatures[i])));
        }
    }

    function _add(Route[] storage routes, string memory name, address facet) private {
        bytes4[] memory selectors = selectorsOf(name);
        for (uint256 i = 0; i < selectors.length; ++i) {
            routes.push(Route(selectors[i], facet));
        }
    }

    function _deploy(string memory name, bytes memory args) private returns (address) {
        return VM.deployCode(string.concat(name, ".sol"), args);
    }
}
