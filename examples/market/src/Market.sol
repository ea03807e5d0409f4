// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket, IMarketV1} from "./IMarket.sol";
import {Ledger} from "./Ledger.sol";
import {Lots} from "./Lots.sol";
import {Listing, MarketStorage} from "./storage/MarketStorage.sol";

/// @title Market, v1
/// @notice See `IMarketV1`.
contract Market is IMarketV1 {
    /// @inheritdoc IMarket
    function list(uint256 price) external returns (uint256 id) {
        return Lots.add(msg.sender, price);
    }

    /// @inheritdoc IMarket
    function buy(uint256 id) external {
        Listing storage lot = Lots.onOffer(id);
        (address seller, uint256 price) = (lot.seller, lot.price);
        lot.buyer = msg.sender;
        emit Sold(id, seller, msg.sender, price, 0);
        Ledger.move(msg.sender, seller, price);
    }

    /// @inheritdoc IMarketV1
    function reprice(uint256 id, uint256 price) external {
        if (price == 0) revert ZeroPrice();
        Lots.onOfferBy(id, msg.sender).price = price;
        emit Repriced(id, price);
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
