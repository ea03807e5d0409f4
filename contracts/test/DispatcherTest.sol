// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IDispatcherErrors, IDispatcherEvents, IManifestDispatcher} from "../src/IManifestDispatcher.sol";
import {Echo} from "./Facets.sol";
import {Manifest, PageBuilder, Route} from "./PageBuilder.sol";
import {Test} from "./Test.sol";

/// @dev A dispatcher with one holder for each role, and the steps of a manifest's life.
abstract contract DispatcherTest is Test, IDispatcherErrors, IDispatcherEvents {
    using PageBuilder for Manifest;

    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant DELAY = 3600;
    uint256 internal constant WINDOW = 14 days;

    bytes32 internal constant ADMIN_ROLE = 0x00;
    bytes32 internal constant GOVERNANCE_ROLE = keccak256("GOVERNANCE_ROLE");
    bytes32 internal constant COMMIT_ROLE = keccak256("COMMIT_ROLE");
    bytes32 internal constant APPLY_ROLE = keccak256("APPLY_ROLE");
    bytes32 internal constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 internal constant EMERGENCY_ROLE = keccak256("EMERGENCY_ROLE");

    address internal constant admin = address(0xA0);
    address internal constant governor = address(0xA1);
    address internal constant committer = address(0xA2);
    address internal constant applier = address(0xA3);
    address internal constant pauser = address(0xA4);
    address internal constant guardian = address(0xA5);
    address internal constant stranger = address(0xB0);

    address internal extension;
    IManifestDispatcher internal dispatcher;

    function setUp() public virtual {
        vm.warp(START);
        extension = create(vm.getCode("DispatcherExtension.sol:DispatcherExtension"));
        dispatcher = IManifestDispatcher(create(dispatcherCode(extension, DELAY, admin)));
        grantRoles();
    }

    function grantRoles() internal {
        grant(GOVERNANCE_ROLE, governor);
        grant(COMMIT_ROLE, committer);
        grant(APPLY_ROLE, applier);
        grant(PAUSER_ROLE, pauser);
        grant(EMERGENCY_ROLE, guardian);
    }

    // ---- deployment ----

    /// @dev From the artifact: what is tested is the code that is released, whatever compiles the tests.
    function dispatcherCode(address extension_, uint256 delay, address admin_) internal view returns (bytes memory) {
        bytes memory creationCode = vm.getCode("ManifestDispatcher.sol:ManifestDispatcher");
        return bytes.concat(creationCode, abi.encode(extension_, delay, admin_));
    }

    function create(bytes memory creationCode) internal returns (address created) {
        assembly ("memory-safe") {
            created := create(0, add(creationCode, 0x20), mload(creationCode))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    // ---- manifests ----

    function selectorOf(uint256 i) internal pure returns (bytes4) {
        return bytes4(keccak256(abi.encode("route", i)));
    }

    function routeTo(bytes4 selector, address facet) internal view returns (Route memory) {
        return Route(selector, facet, facet.codehash);
    }

    /// @dev `n` routes over `m` Echo facets with the ids 0 to m - 1, in turn.
    function echoRoutes(uint256 n, uint256 m) internal returns (Route[] memory routes) {
        address[] memory facets = new address[](m);
        for (uint256 f = 0; f < m; ++f) {
            facets[f] = address(new Echo(f));
        }
        routes = new Route[](n);
        for (uint256 i = 0; i < n; ++i) {
            routes[i] = routeTo(selectorOf(i), facets[i % m]);
        }
    }

    function echoManifest(uint256 n, uint256 m, uint256 pages) internal returns (Manifest memory) {
        return PageBuilder.build(echoRoutes(n, m), pages);
    }

    function manifestOf(bytes4 selector, address facet) internal view returns (Manifest memory) {
        Route[] memory routes = new Route[](1);
        routes[0] = routeTo(selector, facet);
        return PageBuilder.build(routes, 1);
    }

    // ---- the life of a manifest ----

    function grant(bytes32 role, address account) internal {
        vm.prank(admin);
        dispatcher.grantRole(role, account);
    }

    function commit(bytes32 root) internal {
        uint64 epoch = dispatcher.activeEpoch() + 1;
        vm.prank(committer);
        dispatcher.commitRoot(root, epoch);
    }

    function stagePage(Manifest memory m, uint256 index, bytes32 initHash) internal {
        vm.prank(applier);
        dispatcher.applyRoutes(m.pages[index], m.proof(index), initHash);
    }

    function stage(Manifest memory m) internal {
        for (uint256 i = 0; i < m.pages.length; ++i) {
            stagePage(m, i, 0);
        }
    }

    function activate() internal {
        vm.prank(applier);
        dispatcher.activateCommittedRoot();
    }

    function warpBy(uint256 seconds_) internal {
        vm.warp(vm.getBlockTimestamp() + seconds_);
    }

    function goLive(Manifest memory m) internal {
        commit(m.routesRoot);
        stage(m);
        warpBy(DELAY);
        activate();
    }

    // ---- manifests with an init call ----

    function initHashOf(address init, bytes memory data) internal view returns (bytes32) {
        return keccak256(abi.encode(init, init.codehash, keccak256(data)));
    }

    function rootWithInit(bytes32 routesRoot, bytes32 initHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Manifest(bytes32 routesRoot,bytes32 initHash)"), routesRoot, initHash));
    }

    // ---- calls ----

    function route(bytes memory data) internal returns (bytes memory) {
        (bool ok, bytes memory result) = address(dispatcher).call(data);
        assertTrue(ok, "routed call");
        return result;
    }

    function assertRefused(bytes memory data, bytes memory err) internal {
        (bool ok, bytes memory result) = address(dispatcher).call(data);
        assertTrue(!ok, "call should revert");
        assertEq(result, err, "revert data");
    }

    function assertUnrouted(bytes4 selector) internal {
        assertRefused(abi.encodePacked(selector), abi.encodeWithSelector(UnknownSelector.selector, selector));
    }

    /// @dev The id of the Echo facet that answers.
    function echoId(bytes4 selector) internal returns (uint256) {
        return abi.decode(route(abi.encodePacked(selector)), (uint256));
    }

    function assertAnsweredBy(bytes4 selector, uint256 id) internal {
        assertEq(echoId(selector), id, "id of the facet that answers");
    }

    function unauthorized(address account, bytes32 role) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role);
    }

    // ---- bytes ----

    function copyOf(bytes memory data) internal pure returns (bytes memory) {
        return bytes.concat(data);
    }
}
