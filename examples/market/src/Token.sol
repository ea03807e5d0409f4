// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IToken} from "./IToken.sol";
import {Ledger} from "./Ledger.sol";
import {TokenStore, TokenStorage} from "./storage/TokenStorage.sol";

/// @title Token
/// @notice See `IToken`. The same facet in v1 and v2.
contract Token is IToken {
    string public constant name = "Market Credit";
    string public constant symbol = "CREDIT";
    uint8 public constant decimals = 18;

    /// @inheritdoc IToken
    uint256 public immutable claimAmount;

    /// @param claimAmount_ What one claim gives, in the smallest unit.
    constructor(uint256 claimAmount_) {
        claimAmount = claimAmount_;
    }

    /// @inheritdoc IToken
    function totalSupply() external view returns (uint256) {
        return TokenStorage.store().totalSupply;
    }

    /// @inheritdoc IToken
    function balanceOf(address account) external view returns (uint256) {
        return TokenStorage.store().balances[account];
    }

    /// @inheritdoc IToken
    function allowance(address owner, address spender) external view returns (uint256) {
        return TokenStorage.store().allowances[owner][spender];
    }

    /// @inheritdoc IToken
    function transfer(address to, uint256 value) external returns (bool) {
        Ledger.move(msg.sender, to, value);
        return true;
    }

    /// @inheritdoc IToken
    function approve(address spender, uint256 value) external returns (bool) {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        TokenStorage.store().allowances[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    /// @inheritdoc IToken
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        mapping(address => uint256) storage allowances = TokenStorage.store().allowances[from];
        uint256 allowed = allowances[msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert ERC20InsufficientAllowance(msg.sender, allowed, value);
            unchecked {
                allowances[msg.sender] = allowed - value;
            }
        }
        Ledger.move(from, to, value);
        return true;
    }

    /// @inheritdoc IToken
    function claim() external {
        TokenStore storage $ = TokenStorage.store();
        if ($.claimed[msg.sender]) revert AlreadyClaimed(msg.sender);
        $.claimed[msg.sender] = true;
        Ledger.mint(msg.sender, claimAmount);
    }

    /// @inheritdoc IToken
    function claimed(address account) external view returns (bool) {
        return TokenStorage.store().claimed[account];
    }
}
