// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket, IMarketV1} from "../src/IMarket.sol";
import {IToken} from "../src/IToken.sol";
import {ProtocolTest} from "./Protocol.sol";
import {VM} from "./Vm.sol";

contract MarketTest is ProtocolTest {
    function setUp() public override {
        super.setUp();
        claim(ALICE);
        claim(BOB);
    }

    function test_listNumbersLotsFromOne() external {
        VM.expectEmit(proxy);
        emit IMarket.Listed(1, ALICE, 40e18);
        assertEq(list(ALICE, 40e18), 1);
        assertEq(list(BOB, 50e18), 2);
        assertEq(market.listingCount(), 2);
        assertListing(1, ALICE, 40e18, address(0));
        assertListing(2, BOB, 50e18, address(0));
    }

    function test_buyPaysTheSeller() external {
        uint256 id = list(ALICE, 40e18);
        VM.expectEmit(proxy);
        emit IMarket.Sold(id, ALICE, BOB, 40e18, 0);
        buy(BOB, id);
        assertEq(token.balanceOf(ALICE), 1_040e18);
        assertEq(token.balanceOf(BOB), 960e18);
        assertListing(id, ALICE, 40e18, BOB);
    }

    function test_buyOnlyOnce() external {
        uint256 id = list(ALICE, 40e18);
        buy(BOB, id);
        VM.expectRevert(abi.encodeWithSelector(IMarket.AlreadySold.selector, id, BOB));
        buy(ALICE, id);
    }

    function test_buyNeedsTheBalance() external {
        uint256 id = list(ALICE, type(uint256).max);
        VM.expectRevert(abi.encodeWithSelector(IToken.ERC20InsufficientBalance.selector, BOB, CLAIM, type(uint256).max));
        buy(BOB, id);
    }

    function test_unknownLots() external {
        bytes memory unknown = abi.encodeWithSelector(IMarket.UnknownListing.selector, 1);
        VM.expectRevert(unknown);
        buy(BOB, 1);
        VM.expectRevert(unknown);
        market.listing(1);
        VM.expectRevert(unknown);
        market.reprice(1, 1);
    }

    function test_repriceByTheSeller() external {
        uint256 id = list(ALICE, 40e18);
        VM.expectEmit(proxy);
        emit IMarketV1.Repriced(id, 30e18);
        VM.prank(ALICE);
        market.reprice(id, 30e18);
        buy(BOB, id);
        assertEq(token.balanceOf(ALICE), 1_030e18);
    }

    function test_repriceByNobodyElse() external {
        uint256 id = list(ALICE, 40e18);
        VM.expectRevert(abi.encodeWithSelector(IMarket.NotSeller.selector, id, BOB));
        VM.prank(BOB);
        market.reprice(id, 1);
    }

    function test_repriceOnlyWhileOnOffer() external {
        uint256 id = list(ALICE, 40e18);
        buy(BOB, id);
        VM.expectRevert(abi.encodeWithSelector(IMarket.AlreadySold.selector, id, BOB));
        VM.prank(ALICE);
        market.reprice(id, 1);
    }

    function test_aLotCostsSomething() external {
        uint256 id = list(ALICE, 1);
        VM.expectRevert(abi.encodeWithSelector(IMarket.ZeroPrice.selector));
        list(ALICE, 0);
        VM.expectRevert(abi.encodeWithSelector(IMarket.ZeroPrice.selector));
        VM.prank(ALICE);
        market.reprice(id, 0);
    }
}
