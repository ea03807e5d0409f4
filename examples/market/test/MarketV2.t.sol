// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket, IMarketV2} from "../src/IMarket.sol";
import {IToken} from "../src/IToken.sol";
import {ProtocolTest} from "./Protocol.sol";
import {VM} from "./Vm.sol";

contract MarketV2Test is ProtocolTest {
    function setUp() public override {
        super.setUp();
        claim(ALICE);
        claim(BOB);
        deployment.migrateToV2(RATE);
    }

    function test_feeIsBurnedIntoThePool() external {
        uint256 id = list(ALICE, 40e18);
        VM.expectEmit(proxy);
        emit IToken.Transfer(BOB, ALICE, 40e18);
        VM.expectEmit(proxy);
        emit IToken.Transfer(ALICE, address(0), 1e18);
        VM.expectEmit(proxy);
        emit IMarket.Sold(id, ALICE, BOB, 40e18, 1e18);
        buy(BOB, id);
        assertEq(marketV2.feeBps(), FEE_BPS);
        assertEq(token.balanceOf(BOB), 960e18);
        assertEq(token.balanceOf(ALICE), 1_039e18);
        assertEq(token.totalSupply(), 2 * CLAIM - 1e18);
        assertEq(staking.rewardPool(), 1e18);
    }

    function testFuzz_feeRoundsDown(uint256 price) external {
        price = price % CLAIM + 1;
        uint256 fee = price * FEE_BPS / 10_000;
        buy(BOB, list(ALICE, price));
        assertEq(token.balanceOf(ALICE), CLAIM + price - fee);
        assertEq(staking.rewardPool(), fee);
    }

    function test_unpayablePriceIsAMatterOfBalance() external {
        uint256 id = list(ALICE, type(uint256).max);
        VM.expectRevert(abi.encodeWithSelector(IToken.ERC20InsufficientBalance.selector, BOB, CLAIM, type(uint256).max));
        buy(BOB, id);
    }

    function test_delistedLotIsGone() external {
        uint256 id = list(ALICE, 40e18);
        VM.expectEmit(proxy);
        emit IMarketV2.Delisted(id);
        _delist(ALICE, id);
        bytes memory unknown = abi.encodeWithSelector(IMarket.UnknownListing.selector, id);
        VM.expectRevert(unknown);
        buy(BOB, id);
        VM.expectRevert(unknown);
        market.listing(id);
        VM.expectRevert(unknown);
        _delist(ALICE, id);
        assertEq(list(ALICE, 40e18), id + 1);
    }

    function test_delistByNobodyElse() external {
        uint256 id = list(ALICE, 40e18);
        VM.expectRevert(abi.encodeWithSelector(IMarket.NotSeller.selector, id, BOB));
        _delist(BOB, id);
    }

    function test_delistOnlyWhileOnOffer() external {
        uint256 id = list(ALICE, 40e18);
        buy(BOB, id);
        VM.expectRevert(abi.encodeWithSelector(IMarket.AlreadySold.selector, id, BOB));
        _delist(ALICE, id);
    }

    function test_feeHasALimit() external {
        assertEq(IMarketV2(_market(1_000)).feeBps(), 1_000);
        VM.expectRevert(abi.encodeWithSelector(IMarketV2.FeeTooHigh.selector, 1_001, 1_000));
        _market(1_001);
    }

    function _market(uint256 fee) private returns (address) {
        return VM.deployCode("MarketV2.sol", abi.encode(fee));
    }

    function _delist(address account, uint256 id) private {
        VM.prank(account);
        marketV2.delist(id);
    }
}
