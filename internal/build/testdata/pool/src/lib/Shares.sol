// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ratio} from "./Ratio.sol";

struct Book {
    mapping(address account => uint256) shares;
}

/// @title A library with its own address, which links another
library Shares {
    error NoRate();

    function add(Book storage book, address account, uint256 assets, uint256 rate) external returns (uint256 shares) {
        shares = Ratio.times(assets, rate);
        book.shares[account] += shares;
    }

    function checked(uint256 rate) external pure returns (uint256) {
        if (rate == 0) revert NoRate();
        return rate;
    }
}
