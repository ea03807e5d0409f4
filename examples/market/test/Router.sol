// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

struct Route {
    bytes4 selector;
    address facet;
}

/// @dev Does with routes what the ManifestDispatcher does, without roots, time lock and roles: all routes are switched
/// at once, those absent vanish, then init runs by delegatecall.
contract Router {
    error UnknownSelector(bytes4 selector);
    error Duplicate(bytes4 selector);

    /// @custom:storage-location erc7201:market.test.Router
    struct Store {
        bytes4[] selectors;
        mapping(bytes4 selector => address facet) facets;
    }

    bytes32 private constant SLOT =
        keccak256(abi.encode(uint256(keccak256("market.test.Router")) - 1)) & ~bytes32(uint256(0xff));

    function activate(Route[] calldata routes, address init, bytes calldata data) external {
        Store storage $ = _store();
        for (uint256 i = 0; i < $.selectors.length; ++i) {
            delete $.facets[$.selectors[i]];
        }
        delete $.selectors;
        for (uint256 i = 0; i < routes.length; ++i) {
            bytes4 selector = routes[i].selector;
            if ($.facets[selector] != address(0)) revert Duplicate(selector);
            $.facets[selector] = routes[i].facet;
            $.selectors.push(selector);
        }
        if (init != address(0)) _delegate(init, data);
    }

    function facetOf(bytes4 selector) external view returns (address) {
        return _store().facets[selector];
    }

    fallback() external {
        address facet = _store().facets[msg.sig];
        if (facet == address(0)) revert UnknownSelector(msg.sig);
        bytes memory result = _delegate(facet, msg.data);
        assembly ("memory-safe") {
            return(add(result, 0x20), mload(result))
        }
    }

    function _delegate(address target, bytes calldata data) private returns (bytes memory result) {
        bool ok;
        (ok, result) = target.delegatecall(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    function _store() private pure returns (Store storage $) {
        bytes32 slot = SLOT;
        assembly ("memory-safe") {
            $.slot := slot
        }
    }
}
