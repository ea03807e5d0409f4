// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarketV1, IMarketV2} from "../src/IMarket.sol";
import {IStakingV2} from "../src/IStakingV2.sol";
import {IToken} from "../src/IToken.sol";
import {Deployment} from "./Deployment.sol";
import {VM} from "./Vm.sol";

/// @dev The protocol as its users see it, whichever version is live.
abstract contract Protocol {
    uint256 internal constant CLAIM = 1_000e18;
    uint256 internal constant FEE_BPS = 250;
    uint256 internal constant RATE = 1e12;
    uint256 internal constant START = 1_000_000;

    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);

    Deployment internal deployment;
    address internal proxy;
    IToken internal token;
    IStakingV2 internal staking;
    IMarketV1 internal market;
    IMarketV2 internal marketV2;

    error Unequal(uint256 got, uint256 want);
    error Untrue();

    function use(Deployment deployment_) internal {
        deployment = deployment_;
        proxy = address(deployment_.router());
        token = IToken(proxy);
        staking = IStakingV2(proxy);
        market = IMarketV1(proxy);
        marketV2 = IMarketV2(proxy);
    }

    function launch() internal {
        VM.warp(START);
        use(Deployment(VM.deployCode("Deployment.sol", "")));
        deployment.activateV1();
    }

    function claim(address account) internal {
        VM.prank(account);
        token.claim();
    }

    function stake(address account, uint256 amount) internal {
        VM.prank(account);
        staking.stake(amount);
    }

    function unstake(address account, uint256 amount) internal {
        VM.prank(account);
        staking.unstake(amount);
    }

    function list(address account, uint256 price) internal returns (uint256) {
        VM.prank(account);
        return market.list(price);
    }

    function buy(address account, uint256 id) internal {
        VM.prank(account);
        market.buy(id);
    }

    function assertListing(uint256 id, address seller, uint256 price, address buyer) internal view {
        (address gotSeller, uint256 gotPrice, address gotBuyer) = market.listing(id);
        assertEq(gotSeller, seller);
        assertEq(gotPrice, price);
        assertEq(gotBuyer, buyer);
    }

    function assertEq(uint256 got, uint256 want) internal pure {
        if (got != want) revert Unequal(got, want);
    }

    function assertEq(address got, address want) internal pure {
        assertEq(uint160(got), uint160(want));
    }

    function assertTrue(bool got) internal pure {
        if (!got) revert Untrue();
    }
}

abstract contract ProtocolTest is Protocol {
    function setUp() public virtual {
        launch();
    }
}
