// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {ShopStorage, ShopStore} from "./ShopStorage.sol";

/// @notice Things to buy with points.
contract Shop {
    using EnumerableSet for EnumerableSet.Bytes32Set;
    using SafeERC20 for IERC20;

    error NotTheOwner(address caller);
    error NotOnTheMenu(bytes32 item);

    /// @notice Who sets prices and gets the points.
    address public immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function offer(bytes32 item, uint256 points) external {
        require(msg.sender == owner, NotTheOwner(msg.sender));
        ShopStore storage $ = ShopStorage.store();
        $.menu.add(item);
        $.price[item] = points;
    }

    /// @notice Gone in version 2.
    function withdrawOffer(bytes32 item) external {
        require(msg.sender == owner, NotTheOwner(msg.sender));
        ShopStorage.store().menu.remove(item);
    }

    function menu() external view returns (bytes32[] memory) {
        return ShopStorage.store().menu.values();
    }

    function price(bytes32 item) public view virtual returns (uint256) {
        ShopStore storage $ = ShopStorage.store();
        require($.menu.contains(item), NotOnTheMenu(item));
        return $.price[item];
    }

    function bought(address guest, bytes32 item) external view returns (uint256) {
        return ShopStorage.store().bought[guest][item];
    }

    /// @notice The caller must have approved the dispatcher, which is this contract's address here.
    function buy(bytes32 item) external {
        IERC20(address(this)).safeTransferFrom(msg.sender, owner, price(item));
        ShopStorage.store().bought[msg.sender][item]++;
    }
}
