// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PageStore} from "../../src/lib/PageStore.sol";
import {Test} from "../Test.sol";

contract PageKeeper {
    function create(bytes32 root, uint256 index, bytes calldata page) external returns (address) {
        return PageStore.create(PageStore.salt(root, index), page);
    }

    function createTwice(bytes32 root, bytes calldata page, bytes calldata other) external returns (address, address) {
        return (PageStore.create(PageStore.salt(root, 0), page), PageStore.create(PageStore.salt(root, 1), other));
    }

    /// @dev What the creation of a page leaves in transient storage, asked in the same call.
    function createAndPeek(bytes calldata page, uint256 slot)
        external
        returns (bytes32 before, bytes32 length, bytes32 first)
    {
        PageStore.create(0, page);
        assembly ("memory-safe") {
            before := tload(sub(slot, 1))
            length := tload(slot)
            first := tload(add(slot, 1))
        }
    }

    function addressOf(bytes32 root, uint256 index) external view returns (address) {
        return PageStore.addressOf(root, index);
    }

    function sibling(address first, uint256 index) external view returns (address) {
        return PageStore.sibling(first, index);
    }

    function stagingPage() external view {
        PageStore.answer();
    }
}

/// @dev Does not answer the init code, as when the answer runs out of gas.
contract SilentKeeper {
    function create(bytes32 root, uint256 index, bytes calldata page) external returns (address) {
        return PageStore.create(PageStore.salt(root, index), page);
    }

    function stagingPage() external pure {
        revert("no answer");
    }
}

contract PageStoreTest is Test {
    PageKeeper private keeper = new PageKeeper();
    bytes32 private constant ROOT = keccak256("routes");

    function testFuzz_create_storesTheBytesAsCode(bytes calldata page, bytes32 root, uint256 index) public {
        index = bound(index, 0, 254);
        bytes memory stored = bytes.concat(hex"00", page);
        address want = keeper.addressOf(root, index);
        assertEq(keeper.create(root, index, stored), want, "address");
        assertEq(want.code, stored, "code");
    }

    function test_create_storesEachLengthAroundAWord() public {
        for (uint256 length = 1; length < 100; ++length) {
            bytes memory page = new bytes(length);
            for (uint256 i = 1; i < length; ++i) {
                page[i] = bytes1(uint8(i));
            }
            assertEq(keeper.create(bytes32(length), 0, page).code, page, "code");
        }
    }

    function test_create_storesTheLargestPage() public {
        bytes memory page = new bytes(539 + 100 * 52);
        page[page.length - 1] = 0x01;
        assertEq(keeper.create(ROOT, 0, page).code, page, "code");
    }

    /// @dev The second page is shorter: nothing of the first may stick to it.
    function test_create_twiceInOneTransaction() public {
        bytes memory page = bytes.concat(hex"00", new bytes(200));
        page[200] = 0xaa;
        (address first, address second) = keeper.createTwice(ROOT, page, hex"0011");
        assertEq(first.code, page, "first");
        assertEq(second.code, hex"0011", "second");
    }

    function test_create_failsWhereAPageIs() public {
        keeper.create(ROOT, 0, hex"0011");
        assertEq(keeper.create{gas: 1_000_000}(ROOT, 0, hex"0011"), address(0), "address");
    }

    /// @dev Code may not begin with 0xef (EIP-3541).
    function test_create_failsForBytesThatCannotBeCode() public {
        assertEq(keeper.create{gas: 1_000_000}(ROOT, 0, hex"ef00"), address(0), "address");
        assertEq(keeper.addressOf(ROOT, 0).code.length, 0, "nothing is stored");
    }

    /// @dev If the answer runs out of gas, the init code must not go on and leave an account without code.
    function test_create_withTooLittleGasIsNeverAnEmptyPage() public {
        bytes memory page = new bytes(539 + 100 * 52);
        for (uint256 gas_ = 40_000; gas_ < 120_000; gas_ += 250) {
            (bool ok, bytes memory result) =
                address(keeper).call{gas: gas_}(abi.encodeCall(keeper.create, (ROOT, 0, page)));
            assertTrue(!ok || abi.decode(result, (address)) == address(0), "no page");
        }
    }

    function test_create_failsWithoutAnAnswer() public {
        assertEq(new SilentKeeper().create{gas: 1_000_000}(ROOT, 0, hex"0011"), address(0), "address");
    }

    function testFuzz_addressOf_pagesOfARootAreSiblings(bytes32 root, uint256 index) public view {
        index = bound(index, 1, 254);
        address first = keeper.addressOf(root, 0);
        assertEq(keeper.addressOf(root, index), keeper.sibling(first, index), "sibling");
        assertTrue(keeper.addressOf(root, index) != first, "another address");
    }

    function test_answer_isEmptyWhileNothingIsStaged() public {
        (bool ok, bytes memory result) = address(keeper).call(abi.encodeCall(keeper.stagingPage, ()));
        assertTrue(ok, "answered");
        assertEq(result, "", "answer");
    }

    function test_transientStorage_isANamespaceOfItsOwn() public {
        uint256 slot = uint64(bytes8(keccak256("lockstep.transient.StagingPage")));
        bytes memory page = bytes.concat(hex"00", keccak256("page"));
        (bytes32 before, bytes32 length, bytes32 first) = keeper.createAndPeek(page, slot);
        assertEq(before, 0, "outside");
        assertEq(length, 0, "the length is taken back");
        assertEq(first, bytes32(page), "first word");
    }
}
