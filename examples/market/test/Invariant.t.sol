// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {StakingStorage} from "../src/storage/StakingStorage.sol";
import {Deployment} from "./Deployment.sol";
import {Protocol} from "./Protocol.sol";
import {VM} from "./Vm.sol";

/// @dev Users act, and the operators switch between the versions, in any order.
contract Actions is Protocol {
    address[3] public actors = [address(0xA), address(0xB), address(0xC)];

    bool public isV2;
    bool public migrated;
    uint256 public claims;
    uint256 public seed;
    uint256 private time = START;

    constructor() {
        launch();
    }

    function subject() external view returns (Deployment) {
        return deployment;
    }

    function doClaim(uint256 who) external {
        address actor = actors[who % 3];
        if (token.claimed(actor)) return;
        claim(actor);
        ++claims;
    }

    function doTransfer(uint256 from, uint256 to, uint256 value) external {
        address sender = actors[from % 3];
        value %= token.balanceOf(sender) + 1;
        VM.prank(sender);
        token.transfer(actors[to % 3], value);
    }

    function doStake(uint256 who, uint256 amount) external {
        address actor = actors[who % 3];
        uint256 balance = token.balanceOf(actor);
        if (balance != 0) stake(actor, amount % balance + 1);
    }

    function doUnstake(uint256 who, uint256 amount) external {
        address actor = actors[who % 3];
        uint256 has = staking.staked(actor);
        if (has != 0) unstake(actor, amount % has + 1);
    }

    function doClaimReward(uint256 who) external {
        address actor = actors[who % 3];
        if (!isV2 || staking.rewardPool() == 0 || staking.pendingReward(actor) == 0) return;
        VM.prank(actor);
        staking.claimReward();
    }

    function doList(uint256 who, uint256 price) external {
        list(actors[who % 3], price % CLAIM + 1);
    }

    function doBuy(uint256 who, uint256 id) external {
        address actor = actors[who % 3];
        (bool open,, uint256 price) = _lot(id);
        if (open && price <= token.balanceOf(actor)) buy(actor, id % market.listingCount() + 1);
    }

    function doRepriceOrDelist(uint256 id, uint256 price) external {
        (bool open, address seller,) = _lot(id);
        if (!open) return;
        id = id % market.listingCount() + 1;
        VM.prank(seller);
        if (isV2) marketV2.delist(id);
        else market.reprice(id, price % CLAIM + 1);
    }

    function doWait(uint256 seconds_) external {
        time += seconds_ % 30 days;
        VM.warp(time);
    }

    function doSwitch(bool toV2) external {
        if (!toV2) {
            deployment.activateV1();
        } else if (migrated) {
            deployment.activateV2();
        } else {
            seed = staking.totalStaked();
            deployment.migrateToV2(RATE);
            migrated = true;
        }
        isV2 = toV2;
    }

    function _lot(uint256 id) private view returns (bool open, address seller, uint256 price) {
        uint256 count = market.listingCount();
        if (count == 0) return (false, address(0), 0);
        address buyer;
        try market.listing(id % count + 1) returns (address s, uint256 p, address b) {
            (seller, price, buyer) = (s, p, b);
        } catch {}
        open = seller != address(0) && buyer == address(0);
    }
}

/// @dev What holds whichever version is live, and whichever was live before.
contract InvariantTest is Protocol {
    Actions private actions;

    function setUp() external {
        actions = new Actions();
        use(actions.subject());
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actions);
    }

    function invariant_balancesAddUpToTheSupply() external view {
        uint256 sum = token.balanceOf(proxy);
        for (uint256 i = 0; i < 3; ++i) {
            sum += token.balanceOf(actions.actors(i));
        }
        assertEq(sum, token.totalSupply());
    }

    function invariant_stakesAddUpAndAreHeld() external view {
        uint256 sum;
        for (uint256 i = 0; i < 3; ++i) {
            sum += staking.staked(actions.actors(i));
        }
        assertEq(sum, staking.totalStaked());
        assertEq(token.balanceOf(proxy), sum);
    }

    function invariant_rewardsComeFromThePool() external view {
        assertEq(token.totalSupply() + _pool(), actions.claims() * CLAIM + actions.seed());
    }

    /// @dev Read from its slot: v1 has no function for it.
    function _pool() private view returns (uint256) {
        return uint256(VM.load(proxy, bytes32(uint256(StakingStorage.SLOT) + 4)));
    }
}
