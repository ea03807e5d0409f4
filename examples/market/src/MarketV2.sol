// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket, IMarketV2} from "./IMarket.sol";
import {Ledger} from "./Ledger.sol";
import {Lots} from "./Lots.sol";
import {Listing, MarketStorage} from "./storage/MarketStorage.sol";
import {StakingStorageV2} from "./storage/StakingStorageV2.sol";

/// @title Market, v2
/// @notice See `IMarketV2`.
contract MarketV2 is IMarketV2 {
    uint256 private constant BPS = 10_000;
    uint256 private constant MAX_FEE_BPS = 1_000;

    /// @inheritdoc IMarketV2
    uint256 public immutable feeBps;

    /// @param feeBps_ The part of each price that is burned, in basis points, at most 1,000.
    constructor(uint256 feeBps_) {
        if (feeBps_ > MAX_FEE_BPS) revert FeeTooHigh(feeBps_, MAX_FEE_BPS);
        feeBps = feeBps_;
    }

    /// @inheritdoc IMarket
    function list(uint256 price) external returns (uint256 id) {
        return Lots.add(msg.sender, price);
    }

    /// @inheritdoc IMarket
    function buy(uint256 id) external {
        Listing storage lot = Lots.onOffer(id);
        (address seller, uint256 price) = (lot.seller, lot.price);
        lot.buyer = msg.sender;
        // paid before the fee is computed: a price that was paid is too small to overflow
        Ledger.move(msg.sender, seller, price);
        uint256 fee = price * feeBps / BPS;
        if (fee != 0) {
            Ledger.burn(seller, fee);
            StakingStorageV2.store().rewardPool += fee;
        }
        emit Sold(id, seller, msg.sender, price, fee);
    }

    /// @inheritdoc IMarketV2
    /// @dev Leaves what v1 reads as a lot that was never listed, so that no version can sell it.
    function delist(uint256 id) external {
        Lots.onOfferBy(id, msg.sender);
        delete MarketStorage.store().listings[id];
        emit Delisted(id);
    }

    /// @inheritdoc IMarket
    function listing(uint256 id) external view returns (address seller, uint256 price, address buyer) {
        Listing storage lot = Lots.known(id);
        return (lot.seller, lot.price, lot.buyer);
    }

    /// @inheritdoc IMarket
    function listingCount() external view returns (uint256) {
        return MarketStorage.store().count;
    }
}
