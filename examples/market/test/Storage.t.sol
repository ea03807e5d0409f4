// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MarketStorage} from "../src/storage/MarketStorage.sol";
import {StakingStorage} from "../src/storage/StakingStorage.sol";
import {TokenStorage} from "../src/storage/TokenStorage.sol";
import {ProtocolTest} from "./Protocol.sol";
import {VM} from "./Vm.sol";

contract StorageTest is ProtocolTest {
    function test_slotsFollowFromTheNames() external pure {
        assertTrue(TokenStorage.SLOT == _erc7201("market.storage.Token"));
        assertTrue(StakingStorage.SLOT == _erc7201("market.storage.Staking"));
        assertTrue(MarketStorage.SLOT == _erc7201("market.storage.Market"));
    }

    function test_v2AppendsToTheStakesOfV1() external {
        claim(ALICE);
        stake(ALICE, 70);
        assertEq(_staking(0), 70);
        for (uint256 i = 1; i < 8; ++i) {
            assertEq(_staking(i), 0);
        }
        deployment.migrateToV2(RATE);
        assertEq(_staking(0), 70);
        assertEq(_staking(1), 0);
        assertEq(_staking(2), RATE);
        assertEq(_staking(3), START);
        assertEq(_staking(4), 70);
    }

    function test_lowSlotsStayFree() external {
        claim(ALICE);
        stake(ALICE, 70);
        buy(ALICE, list(ALICE, 1));
        deployment.migrateToV2(RATE);
        for (uint256 i = 0; i < 16; ++i) {
            assertTrue(VM.load(proxy, bytes32(i)) == 0);
        }
    }

    function _staking(uint256 offset) private view returns (uint256) {
        return uint256(VM.load(proxy, bytes32(uint256(StakingStorage.SLOT) + offset)));
    }

    function _erc7201(string memory name) private pure returns (bytes32) {
        return keccak256(abi.encode(uint256(keccak256(bytes(name))) - 1)) & ~bytes32(uint256(0xff));
    }
}
