// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IToken} from "../src/IToken.sol";
import {ProtocolTest} from "./Protocol.sol";
import {VM} from "./Vm.sol";

contract TokenTest is ProtocolTest {
    function test_describesItself() external view {
        assertTrue(keccak256(bytes(token.name())) == keccak256("Market Credit"));
        assertTrue(keccak256(bytes(token.symbol())) == keccak256("CREDIT"));
        assertEq(token.decimals(), 18);
        assertEq(token.claimAmount(), CLAIM);
        assertEq(token.totalSupply(), 0);
    }

    function test_claimGivesTheFixedAmount() external {
        VM.expectEmit(proxy);
        emit IToken.Transfer(address(0), ALICE, CLAIM);
        claim(ALICE);
        assertEq(token.balanceOf(ALICE), CLAIM);
        assertEq(token.totalSupply(), CLAIM);
        assertTrue(token.claimed(ALICE));
        assertTrue(!token.claimed(BOB));
    }

    function test_claimOnlyOnce() external {
        claim(ALICE);
        VM.expectRevert(abi.encodeWithSelector(IToken.AlreadyClaimed.selector, ALICE));
        claim(ALICE);
    }

    function test_claimOnlyOnceAfterSpending() external {
        claim(ALICE);
        _transfer(ALICE, BOB, CLAIM);
        VM.expectRevert(abi.encodeWithSelector(IToken.AlreadyClaimed.selector, ALICE));
        claim(ALICE);
    }

    function testFuzz_transferConserves(uint256 value) external {
        value %= CLAIM + 1;
        claim(ALICE);
        claim(BOB);
        VM.expectEmit(proxy);
        emit IToken.Transfer(ALICE, BOB, value);
        _transfer(ALICE, BOB, value);
        assertEq(token.balanceOf(ALICE), CLAIM - value);
        assertEq(token.balanceOf(BOB), CLAIM + value);
        assertEq(token.totalSupply(), 2 * CLAIM);
    }

    function test_transferToOneselfChangesNothing() external {
        claim(ALICE);
        VM.prank(ALICE);
        assertTrue(token.transfer(ALICE, CLAIM));
        assertEq(token.balanceOf(ALICE), CLAIM);
    }

    function test_transferNeedsTheBalance() external {
        claim(ALICE);
        VM.expectRevert(abi.encodeWithSelector(IToken.ERC20InsufficientBalance.selector, ALICE, CLAIM, CLAIM + 1));
        _transfer(ALICE, BOB, CLAIM + 1);
    }

    function test_transferNeedsAReceiver() external {
        claim(ALICE);
        VM.expectRevert(abi.encodeWithSelector(IToken.ERC20InvalidReceiver.selector, address(0)));
        _transfer(ALICE, address(0), 1);
    }

    function test_transferFromUsesTheAllowance() external {
        claim(ALICE);
        VM.expectEmit(proxy);
        emit IToken.Approval(ALICE, BOB, 10);
        _approve(ALICE, BOB, 10);
        assertEq(token.allowance(ALICE, BOB), 10);
        VM.prank(BOB);
        assertTrue(token.transferFrom(ALICE, BOB, 7));
        assertEq(token.allowance(ALICE, BOB), 3);
        assertEq(token.balanceOf(BOB), 7);
        VM.expectRevert(abi.encodeWithSelector(IToken.ERC20InsufficientAllowance.selector, BOB, 3, 4));
        VM.prank(BOB);
        token.transferFrom(ALICE, BOB, 4);
    }

    function test_fullAllowanceIsNotUsedUp() external {
        claim(ALICE);
        VM.prank(ALICE);
        assertTrue(token.approve(BOB, type(uint256).max));
        VM.prank(BOB);
        token.transferFrom(ALICE, BOB, CLAIM);
        assertEq(token.allowance(ALICE, BOB), type(uint256).max);
    }

    function test_approveNeedsASpender() external {
        VM.expectRevert(abi.encodeWithSelector(IToken.ERC20InvalidSpender.selector, address(0)));
        _approve(ALICE, address(0), 1);
    }

    function _transfer(address from, address to, uint256 value) private {
        VM.prank(from);
        token.transfer(to, value);
    }

    function _approve(address owner, address spender, uint256 value) private {
        VM.prank(owner);
        token.approve(spender, value);
    }
}
