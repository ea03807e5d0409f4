// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStaking} from "../src/IStaking.sol";
import {IToken} from "../src/IToken.sol";
import {ProtocolTest} from "./Protocol.sol";
import {VM} from "./Vm.sol";

contract StakingTest is ProtocolTest {
    function setUp() public override {
        super.setUp();
        claim(ALICE);
        claim(BOB);
    }

    function test_stakeIsHeldByTheProxy() external {
        VM.expectEmit(proxy);
        emit IStaking.Staked(ALICE, 400e18);
        VM.expectEmit(proxy);
        emit IToken.Transfer(ALICE, proxy, 400e18);
        stake(ALICE, 400e18);
        stake(BOB, 100e18);
        assertEq(staking.staked(ALICE), 400e18);
        assertEq(staking.staked(BOB), 100e18);
        assertEq(staking.totalStaked(), 500e18);
        assertEq(token.balanceOf(ALICE), 600e18);
        assertEq(token.balanceOf(proxy), 500e18);
    }

    function test_unstakeReturnsTheStakeAndNoMore() external {
        stake(ALICE, 400e18);
        VM.warp(START + 365 days);
        VM.expectEmit(proxy);
        emit IStaking.Unstaked(ALICE, 150e18);
        unstake(ALICE, 150e18);
        assertEq(staking.staked(ALICE), 250e18);
        assertEq(staking.totalStaked(), 250e18);
        assertEq(token.balanceOf(ALICE), 750e18);
        assertEq(token.totalSupply(), 2 * CLAIM);
    }

    function test_stakedSinceIsTheLastChange() external {
        assertEq(staking.stakedSince(ALICE), 0);
        stake(ALICE, 2);
        assertEq(staking.stakedSince(ALICE), START);
        VM.warp(START + 10);
        unstake(ALICE, 1);
        assertEq(staking.stakedSince(ALICE), START + 10);
    }

    function test_unstakeNeedsTheStake() external {
        stake(ALICE, 5);
        stake(BOB, 5);
        VM.expectRevert(abi.encodeWithSelector(IStaking.InsufficientStake.selector, ALICE, 5, 6));
        unstake(ALICE, 6);
    }

    function test_stakeNeedsTheBalance() external {
        VM.expectRevert(abi.encodeWithSelector(IToken.ERC20InsufficientBalance.selector, ALICE, CLAIM, CLAIM + 1));
        stake(ALICE, CLAIM + 1);
    }

    function test_zeroIsNoStake() external {
        VM.expectRevert(abi.encodeWithSelector(IStaking.ZeroAmount.selector));
        stake(ALICE, 0);
        VM.expectRevert(abi.encodeWithSelector(IStaking.ZeroAmount.selector));
        unstake(ALICE, 0);
    }
}
