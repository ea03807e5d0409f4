// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStaking} from "../src/IStaking.sol";
import {IStakingV2} from "../src/IStakingV2.sol";
import {IToken} from "../src/IToken.sol";
import {ProtocolTest} from "./Protocol.sol";
import {VM} from "./Vm.sol";

contract StakingV2Test is ProtocolTest {
    /// @dev Alice staked 500 and Bob 100 in v1; at RATE 500 earn 1 in 2,000 seconds.
    function setUp() public override {
        super.setUp();
        claim(ALICE);
        claim(BOB);
        stake(ALICE, 500e18);
        stake(BOB, 100e18);
        deployment.migrateToV2(RATE);
    }

    function test_rewardGrowsWithTimeAndStake() external {
        assertEq(staking.rewardRate(), RATE);
        assertEq(staking.rewardPool(), 600e18);
        assertEq(staking.pendingReward(ALICE), 0);
        VM.warp(START + 2_000);
        assertEq(staking.pendingReward(ALICE), 1e18);
        assertEq(staking.pendingReward(BOB), 0.2e18);
        VM.warp(START + 4_000);
        assertEq(staking.pendingReward(ALICE), 2e18);
    }

    function test_claimRewardMintsFromThePool() external {
        VM.warp(START + 2_000);
        VM.expectEmit(proxy);
        emit IStakingV2.RewardPaid(ALICE, 1e18);
        VM.expectEmit(proxy);
        emit IToken.Transfer(address(0), ALICE, 1e18);
        assertEq(_claimReward(ALICE), 1e18);
        assertEq(token.balanceOf(ALICE), 501e18);
        assertEq(token.totalSupply(), 2 * CLAIM + 1e18);
        assertEq(staking.rewardPool(), 599e18);
        assertEq(staking.pendingReward(ALICE), 0);
        assertEq(staking.staked(ALICE), 500e18);
        assertEq(staking.stakedSince(ALICE), START);
        VM.warp(START + 4_000);
        assertEq(staking.pendingReward(ALICE), 1e18);
    }

    function test_claimRewardNeedsAReward() external {
        VM.expectRevert(abi.encodeWithSelector(IStakingV2.NoReward.selector, 0, 600e18));
        _claimReward(ALICE);
    }

    function test_unstakePaysTheRewardToo() external {
        VM.warp(START + 2_000);
        unstake(ALICE, 500e18);
        assertEq(token.balanceOf(ALICE), 1_001e18);
        assertEq(staking.staked(ALICE), 0);
        assertEq(staking.totalStaked(), 100e18);
        VM.warp(START + 4_000);
        assertEq(staking.pendingReward(ALICE), 0);
    }

    function test_stakeSettlesAtTheOldAmount() external {
        VM.warp(START + 2_000);
        stake(ALICE, 500e18);
        assertEq(staking.pendingReward(ALICE), 1e18);
        VM.warp(START + 4_000);
        assertEq(staking.pendingReward(ALICE), 3e18);
    }

    function test_emptyPoolNeverHoldsTheStakeBack() external {
        VM.warp(START + 1_000_000);
        // Alice is owed 500, Bob 100: the pool is just enough for both
        assertEq(_claimReward(ALICE), 500e18);
        assertEq(_claimReward(BOB), 100e18);
        VM.warp(START + 2_000_000);
        VM.expectRevert(abi.encodeWithSelector(IStakingV2.NoReward.selector, 500e18, 0));
        _claimReward(ALICE);
        unstake(ALICE, 500e18);
        assertEq(token.balanceOf(ALICE), 1_500e18);
        assertEq(staking.pendingReward(ALICE), 500e18);
    }

    function test_whatThePoolLacksStaysOwedUntilFeesRefillIt() external {
        VM.warp(START + 1_200_000);
        assertEq(_claimReward(ALICE), 600e18);
        assertEq(_claimRewardAfterSale(), 10e18);
        assertEq(staking.rewardPool(), 0);
        assertEq(staking.pendingReward(BOB), 110e18);
    }

    function test_unstakeErrorsAreThoseOfV1() external {
        VM.expectRevert(abi.encodeWithSelector(IStaking.InsufficientStake.selector, ALICE, 500e18, 501e18));
        unstake(ALICE, 501e18);
        VM.expectRevert(abi.encodeWithSelector(IStaking.ZeroAmount.selector));
        unstake(ALICE, 0);
        VM.expectRevert(abi.encodeWithSelector(IStaking.ZeroAmount.selector));
        stake(ALICE, 0);
    }

    /// @dev However often it is settled on the way, a reward is the same but for the rounding of each settlement.
    function testFuzz_settlingGainsNothing(uint256 steps, uint256 seconds_) external {
        steps = steps % 8 + 1;
        seconds_ = seconds_ % 10_000 + 1;
        for (uint256 i = 1; i <= steps; ++i) {
            VM.warp(START + i * seconds_);
            stake(ALICE, 1);
        }
        uint256 once = 500e18 * RATE * steps * seconds_ / 1e18;
        uint256 got = staking.pendingReward(ALICE);
        assertTrue(got >= once && got - once <= steps * steps * seconds_);
    }

    /// @dev Bob, who is owed 120, sells a lot of 400 to Alice: the fee of 10 goes to the empty pool.
    function _claimRewardAfterSale() private returns (uint256) {
        uint256 id = list(BOB, 400e18);
        buy(ALICE, id);
        assertEq(staking.rewardPool(), 10e18);
        return _claimReward(BOB);
    }

    function _claimReward(address account) private returns (uint256) {
        VM.prank(account);
        return staking.claimReward();
    }
}
