// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket, IMarketV1} from "../src/IMarket.sol";
import {IStakingV2} from "../src/IStakingV2.sol";
import {IMigrateToV2} from "../src/IMigrateToV2.sol";
import {ProtocolTest} from "./Protocol.sol";
import {Router} from "./Router.sol";
import {VM} from "./Vm.sol";

contract UpgradeTest is ProtocolTest {
    uint256 private constant UPGRADE = START + 30 days;

    /// @dev A life in v1 before the upgrade: Alice staked 500 and sells lot 1, Bob staked 100 and bought lot 2 of her.
    function setUp() public override {
        super.setUp();
        claim(ALICE);
        claim(BOB);
        stake(ALICE, 500e18);
        stake(BOB, 100e18);
        list(ALICE, 40e18);
        buy(BOB, list(ALICE, 60e18));
        VM.warp(UPGRADE);
    }

    // ---- to v2 ----

    function test_stateSurvivesTheUpgrade() external {
        deployment.migrateToV2(RATE);
        assertEq(token.balanceOf(ALICE), 560e18);
        assertEq(token.balanceOf(BOB), 840e18);
        assertEq(token.totalSupply(), 2 * CLAIM);
        assertEq(staking.staked(ALICE), 500e18);
        assertEq(staking.stakedSince(ALICE), START);
        assertEq(staking.totalStaked(), 600e18);
        assertListing(1, ALICE, 40e18, address(0));
        assertListing(2, ALICE, 60e18, BOB);
        assertTrue(token.claimed(ALICE));
    }

    function test_stakesOfV1EarnFromTheUpgradeOn() external {
        VM.expectEmit(proxy);
        emit IMigrateToV2.Migrated(RATE, 600e18);
        deployment.migrateToV2(RATE);
        assertEq(staking.pendingReward(ALICE), 0);
        VM.warp(UPGRADE + 2_000);
        assertEq(staking.pendingReward(ALICE), 1e18);
        assertEq(staking.pendingReward(BOB), 0.2e18);
    }

    function test_lotsOfV1AreSoldAndDelistedInV2() external {
        list(BOB, 10e18);
        deployment.migrateToV2(RATE);
        buy(BOB, 1);
        assertEq(token.balanceOf(ALICE), 599e18);
        VM.prank(BOB);
        marketV2.delist(3);
    }

    function test_removedFunctionIsGone() external {
        deployment.migrateToV2(RATE);
        _expectUnknown(IMarketV1.reprice.selector);
        VM.prank(ALICE);
        market.reprice(1, 1);
    }

    function test_v2WithoutItsMigrationEarnsNothing() external {
        deployment.activateV2();
        VM.warp(UPGRADE + 2_000);
        assertEq(staking.rewardRate(), 0);
        assertEq(staking.pendingReward(ALICE), 0);
        unstake(ALICE, 500e18);
        assertEq(token.balanceOf(ALICE), 1_060e18);
    }

    function test_lateMigrationEarnsFromThenOn() external {
        deployment.activateV2();
        VM.warp(UPGRADE + 2_000);
        stake(ALICE, 1e18);
        unstake(ALICE, 1e18);
        VM.warp(UPGRADE + 4_000);
        deployment.migrateToV2(RATE);
        assertEq(staking.pendingReward(ALICE), 0);
        VM.warp(UPGRADE + 6_000);
        assertEq(staking.pendingReward(ALICE), 1e18);
    }

    function test_nothingStakedStillMigrates() external {
        unstake(ALICE, 500e18);
        unstake(BOB, 100e18);
        deployment.migrateToV2(RATE);
        assertEq(staking.rewardRate(), RATE);
        assertEq(staking.rewardPool(), 0);
    }

    // ---- the migration ----

    function test_migrationRunsOnce() external {
        deployment.migrateToV2(RATE);
        VM.warp(UPGRADE + 1);
        VM.expectRevert(abi.encodeWithSelector(IMigrateToV2.AlreadyMigrated.selector, UPGRADE));
        deployment.migrateToV2(RATE);
    }

    function test_migrationRunsOnceEvenAfterAReturn() external {
        deployment.migrateToV2(RATE);
        deployment.activateV1();
        VM.expectRevert(abi.encodeWithSelector(IMigrateToV2.AlreadyMigrated.selector, UPGRADE));
        deployment.migrateToV2(RATE);
    }

    function test_migrationRefusesARateInAnotherUnit() external {
        uint256[3] memory rates = [uint256(0), 1e13 + 1, 1e18];
        for (uint256 i = 0; i < rates.length; ++i) {
            VM.expectRevert(abi.encodeWithSelector(IMigrateToV2.RateOutOfBounds.selector, rates[i], 1, 1e13));
            deployment.migrateToV2(rates[i]);
        }
        deployment.migrateToV2(1e13);
        assertEq(staking.rewardRate(), 1e13);
    }

    function test_failedMigrationLeavesV1() external {
        VM.expectRevert(abi.encodeWithSelector(IMigrateToV2.RateOutOfBounds.selector, 0, 1, 1e13));
        deployment.migrateToV2(0);
        assertEq(deployment.router().facetOf(IMarketV1.reprice.selector), deployment.market());
        assertEq(deployment.router().facetOf(IStakingV2.rewardRate.selector), address(0));
    }

    // ---- back to v1 ----

    function test_v1WorksOnTheStateOfV2() external {
        deployment.migrateToV2(RATE);
        VM.warp(UPGRADE + 2_000);
        stake(BOB, 50e18);
        uint256 id = list(BOB, 10e18);
        deployment.activateV1();

        _expectUnknown(IStakingV2.pendingReward.selector);
        staking.pendingReward(ALICE);
        assertEq(staking.staked(BOB), 150e18);
        assertEq(staking.totalStaked(), 650e18);
        unstake(BOB, 150e18);
        unstake(ALICE, 500e18);
        assertEq(staking.totalStaked(), 0);
        assertEq(token.balanceOf(proxy), 0);
        VM.prank(BOB);
        market.reprice(id, 20e18);
        buy(ALICE, id);
        assertListing(id, BOB, 20e18, ALICE);
        assertEq(token.totalSupply(), 2 * CLAIM);
    }

    function test_v1DoesNotSellWhatV2Delisted() external {
        deployment.migrateToV2(RATE);
        VM.prank(ALICE);
        marketV2.delist(1);
        deployment.activateV1();
        VM.expectRevert(abi.encodeWithSelector(IMarket.UnknownListing.selector, 1));
        buy(BOB, 1);
    }

    function test_v1DoesNotSellWhatV2Sold() external {
        deployment.migrateToV2(RATE);
        buy(BOB, 1);
        deployment.activateV1();
        VM.expectRevert(abi.encodeWithSelector(IMarket.AlreadySold.selector, 1, BOB));
        buy(ALICE, 1);
    }

    // ---- and to v2 again, without its migration ----

    function test_stakeLeftAloneEarnsThroughTheDetour() external {
        deployment.migrateToV2(RATE);
        VM.warp(UPGRADE + 2_000);
        deployment.activateV1();
        VM.warp(UPGRADE + 4_000);
        deployment.activateV2();
        VM.warp(UPGRADE + 6_000);
        assertEq(staking.pendingReward(ALICE), 3e18);
    }

    function test_stakeChangedByV1EarnsFromThatChangeOn() external {
        deployment.migrateToV2(RATE);
        VM.warp(UPGRADE + 2_000);
        deployment.activateV1();
        VM.warp(UPGRADE + 4_000);
        stake(BOB, 400e18);
        deployment.activateV2();
        assertEq(staking.pendingReward(BOB), 0);
        VM.warp(UPGRADE + 6_000);
        assertEq(staking.pendingReward(BOB), 1e18);
    }

    function test_settledRewardSurvivesTheDetour() external {
        deployment.migrateToV2(RATE);
        VM.warp(UPGRADE + 2_000);
        stake(ALICE, 1);
        deployment.activateV1();
        unstake(ALICE, 500e18 + 1);
        deployment.activateV2();
        VM.warp(UPGRADE + 4_000);
        VM.prank(ALICE);
        assertEq(staking.claimReward(), 1e18);
    }

    function _expectUnknown(bytes4 selector) private {
        VM.expectRevert(abi.encodeWithSelector(Router.UnknownSelector.selector, selector));
    }
}
