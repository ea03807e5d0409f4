// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IToken} from "./IToken.sol";
import {TokenStore, TokenStorage} from "./storage/TokenStorage.sol";

/// @title Moves tokens on behalf of the facets
/// @dev Facets share storage, so they pay one another here and not by an external call.
library Ledger {
    function move(address from, address to, uint256 value) internal {
        if (to == address(0)) revert IToken.ERC20InvalidReceiver(to);
        _take(from, value);
        unchecked {
            // balances never add up to more than the supply
            TokenStorage.store().balances[to] += value;
        }
        emit IToken.Transfer(from, to, value);
    }

    function mint(address to, uint256 value) internal {
        TokenStore storage $ = TokenStorage.store();
        $.totalSupply += value;
        unchecked {
            $.balances[to] += value;
        }
        emit IToken.Transfer(address(0), to, value);
    }

    function burn(address from, uint256 value) internal {
        _take(from, value);
        unchecked {
            TokenStorage.store().totalSupply -= value;
        }
        emit IToken.Transfer(from, address(0), value);
    }

    function _take(address from, uint256 value) private {
        TokenStore storage $ = TokenStorage.store();
        uint256 balance = $.balances[from];
        if (balance < value) revert IToken.ERC20InsufficientBalance(from, balance, value);
        unchecked {
            $.balances[from] = balance - value;
        }
    }
}
