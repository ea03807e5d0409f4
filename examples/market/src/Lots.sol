// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMarket} from "./IMarket.sol";
import {Listing, MarketStore, MarketStorage} from "./storage/MarketStorage.sol";

/// @title The book of lots, as both versions of the market keep it
library Lots {
    function add(address seller, uint256 price) internal returns (uint256 id) {
        if (price == 0) revert IMarket.ZeroPrice();
        MarketStore storage $ = MarketStorage.store();
        id = ++$.count;
        $.listings[id] = Listing({seller: seller, buyer: address(0), price: price});
        emit IMarket.Listed(id, seller, price);
    }

    function known(uint256 id) internal view returns (Listing storage lot) {
        lot = MarketStorage.store().listings[id];
        if (lot.seller == address(0)) revert IMarket.UnknownListing(id);
    }

    function onOffer(uint256 id) internal view returns (Listing storage lot) {
        lot = known(id);
        if (lot.buyer != address(0)) revert IMarket.AlreadySold(id, lot.buyer);
    }

    function onOfferBy(uint256 id, address seller) internal view returns (Listing storage lot) {
        lot = onOffer(id);
        if (lot.seller != seller) revert IMarket.NotSeller(id, seller);
    }
}
