// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDispatcherExtension} from "../../src/IManifestDispatcher.sol";
import {DispatcherTest} from "../DispatcherTest.sol";
import {Setup} from "../Facets.sol";
import {Manifest, PageBuilder} from "../PageBuilder.sol";

contract ViewsTest is DispatcherTest {
    /// @dev The state at once is what the single views tell.
    function assertStateAgrees() private view returns (IDispatcherExtension.DispatcherState memory s) {
        s = dispatcher.dispatcherState();
        assertEq(s.activeRoot, dispatcher.activeRoot(), "active root");
        assertEq(s.activeRoutesRoot, dispatcher.activeRoutesRoot(), "active routesRoot");
        assertEq(s.activeEpoch, dispatcher.activeEpoch(), "active epoch");
        assertEq(s.pendingRoot, dispatcher.pendingRoot(), "pending root");
        assertEq(s.pendingEpoch, dispatcher.pendingEpoch(), "pending epoch");
        assertEq(s.eta, dispatcher.pendingEta(), "eta");
        assertEq(s.pendingBatchSize, dispatcher.pendingBatchSize(), "limit of the commitment");
        assertTrue(s.paused == dispatcher.paused(), "paused");
        assertEq(s.etaGrace, dispatcher.etaGrace(), "grace");
        assertEq(s.maxBatchSize, dispatcher.maxBatchSize(), "limit");
        assertEq(s.delay, dispatcher.delay(), "delay");
        assertEq(s.extension, dispatcher.extension(), "extension");
    }

    function test_dispatcherState_throughALife() public {
        assertEq(assertStateAgrees().activePages, 0, "pages");

        Manifest memory m = echoManifest(12, 2, 3);
        commit(m.routesRoot);
        IDispatcherExtension.DispatcherState memory s = assertStateAgrees();
        assertEq(s.pendingRoot, m.routesRoot, "pending root");
        assertEq(s.pendingEpoch, 1, "pending epoch");
        assertEq(s.eta, START + DELAY, "eta");
        assertEq(s.pendingBatchSize, 50, "limit of the commitment");

        stage(m);
        warpBy(DELAY);
        activate();
        s = assertStateAgrees();
        assertEq(s.activeRoot, m.routesRoot, "active root");
        assertEq(s.activePages, 3, "pages");
        assertEq(s.pendingRoot, 0, "pending root");
        assertEq(s.eta, 0, "eta");

        vm.prank(pauser);
        dispatcher.pause();
        vm.prank(governor);
        dispatcher.setEtaGrace(120);
        vm.prank(governor);
        dispatcher.setMaxBatchSize(80);
        commit(keccak256("next"));
        s = assertStateAgrees();
        assertTrue(s.paused, "paused");
        assertEq(s.etaGrace, 120, "grace");
        assertEq(s.maxBatchSize, 80, "limit");
        assertEq(s.pendingBatchSize, 80, "limit of the commitment");
        assertEq(s.pendingEpoch, 2, "pending epoch");
        assertEq(s.activeRoot, m.routesRoot, "active root");
        assertEq(s.extension, extension, "extension");
    }

    function test_dispatcherState_withInitTellsBothRoots() public {
        Setup init = new Setup();
        bytes memory data = abi.encodeCall(init.set, (1));
        Manifest memory m = echoManifest(3, 1, 1);
        bytes32 initHash = initHashOf(address(init), data);
        bytes32 root = rootWithInit(m.routesRoot, initHash);
        commit(root);
        stagePage(m, 0, initHash);
        warpBy(DELAY);
        assertEq(assertStateAgrees().pendingRoot, root, "pending root");
        vm.prank(applier);
        dispatcher.activateCommittedRootAndCall(m.routesRoot, address(init), data);
        IDispatcherExtension.DispatcherState memory s = assertStateAgrees();
        assertEq(s.activeRoot, root, "active root");
        assertEq(s.activeRoutesRoot, m.routesRoot, "active routesRoot");
    }

    /// @dev Until it is replaced or cancelled an expired commitment is shown; its eta tells that it is late.
    function test_dispatcherState_showsAnExpiredCommitment() public {
        commit(keccak256("a root"));
        warpBy(DELAY + WINDOW + 1);
        IDispatcherExtension.DispatcherState memory s = assertStateAgrees();
        assertEq(s.pendingRoot, keccak256("a root"), "pending root");
        assertEq(s.eta, START + DELAY, "eta");
    }

    function test_initTypehash() public view {
        assertEq(
            dispatcher.INIT_TYPEHASH(), keccak256("Manifest(bytes32 routesRoot,bytes32 initHash)"), "INIT_TYPEHASH"
        );
    }

    // ---- pages ----

    function assertStaged(bytes32 root, uint256 wantTotal, uint256[] memory want, uint256[] memory wantMissing)
        private
        view
    {
        (uint256 total, uint256[] memory staged, uint256[] memory missing) = dispatcher.stagedPages(root);
        assertEq(total, wantTotal, "total");
        assertEq(abi.encode(staged), abi.encode(want), "staged");
        assertEq(abi.encode(missing), abi.encode(wantMissing), "missing");
    }

    function list(uint256 length, uint256 a, uint256 b, uint256 c) private pure returns (uint256[] memory values) {
        uint256[3] memory all = [a, b, c];
        values = new uint256[](length);
        for (uint256 i = 0; i < length; ++i) {
            values[i] = all[i];
        }
    }

    function test_stagedPages_noneSomeAll() public {
        Manifest memory m = echoManifest(12, 2, 3);
        commit(m.routesRoot);
        assertStaged(m.routesRoot, 0, list(0, 0, 0, 0), list(0, 0, 0, 0));
        stagePage(m, 1, 0);
        assertStaged(m.routesRoot, 3, list(1, 1, 0, 0), list(2, 0, 2, 0));
        stagePage(m, 2, 0);
        assertStaged(m.routesRoot, 3, list(2, 1, 2, 0), list(1, 0, 0, 0));
        stagePage(m, 0, 0);
        assertStaged(m.routesRoot, 3, list(3, 0, 1, 2), list(0, 0, 0, 0));
        assertStaged(keccak256("another root"), 0, list(0, 0, 0, 0), list(0, 0, 0, 0));
    }

    function test_stagedPages_oneOf255() public {
        Manifest memory m = echoManifest(1, 1, 1);
        // one page of 255 is all of this manifest: the others are missing
        bytes memory page = m.pages[0];
        page[1] = bytes1(uint8(255));
        page[2] = bytes1(uint8(uint32(selectorOf(0)) % 255));
        uint256 index = uint8(page[2]);
        m = PageBuilder.ofPage(page);
        commit(m.routesRoot);
        stagePage(m, 0, 0);
        (uint256 total, uint256[] memory staged, uint256[] memory missing) = dispatcher.stagedPages(m.routesRoot);
        assertEq(total, 255, "total");
        assertEq(staged.length, 1, "staged");
        assertEq(staged[0], index, "index");
        assertEq(missing.length, 254, "missing");
        for (uint256 i = 0; i < 254; ++i) {
            assertEq(missing[i], i < index ? i : i + 1, "missing page");
        }
    }

    function testFuzz_pageAddress_isTheCreate2Address(bytes32 root, uint256 index) public view {
        index = bound(index, 0, 254);
        // PUSH4 stagingPage() PUSH0 MSTORE; STATICCALL(GAS, CALLER, 28, 4, 0, 0); RETURNDATASIZE MUL PUSH1 22 JUMPI INVALID
        // JUMPDEST;
        // RETURNDATACOPY; RETURN
        bytes32 codeHash = keccak256(
            abi.encodePacked(
                hex"63",
                bytes4(keccak256("stagingPage()")),
                hex"5f52",
                hex"5f5f6004601c335afa",
                hex"3d02601657fe5b",
                hex"3d5f5f3e",
                hex"3d5ff3"
            )
        );
        address first = create2AddressOf(root, codeHash);
        address want = index == 0 ? first : create2AddressOf(bytes32(abi.encodePacked(first, uint96(index))), codeHash);
        assertEq(dispatcher.pageAddress(root, index), want, "address");
    }

    function create2AddressOf(bytes32 salt, bytes32 codeHash) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(dispatcher), salt, codeHash)))));
    }

    function test_pageAddress_refusesAnIndexThatNoPageHas() public {
        dispatcher.pageAddress(keccak256("a root"), 254);
        vm.expectRevert(abi.encodeWithSelector(OutOfBounds.selector, 255, 0, 254));
        dispatcher.pageAddress(keccak256("a root"), 255);
    }
}
