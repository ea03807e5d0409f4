// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IManifestDispatcher} from "../../src/IManifestDispatcher.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Manifest, Route} from "../PageBuilder.sol";
import {Thief} from "./Attackers.sol";

/// @dev Each attack is run twice with the same code: against the dispatcher, which refuses it, and against one that lacks
/// a single check, where it does its harm. So the first test cannot pass for another reason than the check.
abstract contract AttackTest is DispatcherTest {
    uint256 internal constant TREASURE = 3 ether;

    /// @dev Whoever it is that wants what the dispatcher holds.
    address internal constant boss = address(0xBAD);

    function setUp() public virtual override {
        super.setUp();
        vm.deal(address(dispatcher), TREASURE);
    }

    /// @dev From here on `dispatcher` is the one without the check that script/weaken.js names so.
    function weaken(string memory name) internal {
        bytes memory core = weakenedCode(name, "ManifestDispatcher");
        bytes memory rest = weakenedCode(name, "DispatcherExtension");
        if (core.length + rest.length == 0) {
            revert(string.concat(name, " is not built: run `node script/mutate.js --weaken`, then `forge build`"));
        }
        if (core.length == 0) core = vm.getCode("ManifestDispatcher.sol:ManifestDispatcher");
        if (rest.length != 0) extension = create(rest);
        dispatcher = IManifestDispatcher(create(bytes.concat(core, abi.encode(extension, DELAY, admin))));
        grantRoles();
        vm.deal(address(dispatcher), TREASURE);
    }

    function weakenedCode(string memory name, string memory contract_) private view returns (bytes memory) {
        try vm.getCode(string.concat(name, ".", contract_, ".sol:", contract_)) returns (bytes memory code) {
            return code;
        } catch {
            return "";
        }
    }

    /// @dev The code of a thief, to be put wherever the attack can put code.
    function thiefCode() internal returns (bytes memory) {
        return address(new Thief(boss)).code;
    }

    /// @dev The route that robs whoever has it.
    function thiefRoute() internal returns (Route[] memory routes) {
        routes = new Route[](1);
        routes[0] = routeTo(selectorOf(0), address(new Thief(boss)));
    }

    function assertRobbed() internal view {
        assertEq(boss.balance, TREASURE, "what was stolen");
    }

    function assertNotRobbed() internal view {
        assertEq(boss.balance, 0, "what was stolen");
        assertEq(address(dispatcher).balance, TREASURE, "what the dispatcher holds");
    }

    function commitAs(address account, bytes32 root, uint64 epoch) internal {
        vm.prank(account);
        dispatcher.commitRoot(root, epoch);
    }

    function activateWith(bytes32 routesRoot, address init, bytes memory data) internal {
        vm.prank(applier);
        dispatcher.activateCommittedRootAndCall(routesRoot, init, data);
    }

    /// @dev Commits and stages one Echo route with an init call, and waits.
    function stageWithInit(address init, bytes32 initCodeHash, bytes memory data)
        internal
        returns (Manifest memory m, bytes32 root)
    {
        m = echoManifest(1, 1, 1);
        bytes32 initHash = keccak256(abi.encode(init, initCodeHash, keccak256(data)));
        root = rootWithInit(m.routesRoot, initHash);
        commit(root);
        stagePage(m, 0, initHash);
        warpBy(DELAY);
    }
}
