// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What every version of the market can do
/// @dev A lot is a number; what it stands for is between seller and buyer. The market keeps who sold it to whom.
interface IMarket {
    /// @notice `seller` offers lot `id` for `price`.
    event Listed(uint256 indexed id, address indexed seller, uint256 price);
    /// @notice `buyer` bought lot `id` for `price`, of which `fee` was burned.
    event Sold(uint256 indexed id, address indexed seller, address indexed buyer, uint256 price, uint256 fee);

    /// @notice A lot must cost something.
    error ZeroPrice();
    /// @notice The lot was never listed, or was delisted.
    error UnknownListing(uint256 id);
    /// @notice The lot has been sold to `buyer`.
    error AlreadySold(uint256 id, address buyer);
    /// @notice Only the seller can change a lot.
    error NotSeller(uint256 id, address account);

    /// @notice Offers a lot for `price` in the token. Ids count from 1.
    function list(uint256 price) external returns (uint256 id);
    /// @notice Buys a lot from the caller's balance of the token.
    function buy(uint256 id) external;
    /// @notice Who sells the lot, at what price, and who bought it: zero while it is on offer.
    function listing(uint256 id) external view returns (address seller, uint256 price, address buyer);
    /// @notice How many lots were ever listed.
    function listingCount() external view returns (uint256);
}

/// @title The market, v1
interface IMarketV1 is IMarket {
    /// @notice The seller asks another price for lot `id`.
    event Repriced(uint256 indexed id, uint256 price);

    /// @notice Sets the price of a lot of the caller that is on offer.
    function reprice(uint256 id, uint256 price) external;
}

/// @title The market, v2
/// @dev Without `reprice`: a seller could raise the price just ahead of a purchase. Delist and list again instead.
interface IMarketV2 is IMarket {
    /// @notice The seller took lot `id` from the market.
    event Delisted(uint256 indexed id);

    /// @notice A fee above `max` basis points.
    error FeeTooHigh(uint256 feeBps, uint256 max);

    /// @notice Takes a lot of the caller that is on offer from the market.
    function delist(uint256 id) external;
    /// @notice The part of each price, in basis points, that is burned and goes to the stakers' reward pool.
    function feeBps() external view returns (uint256);
}
