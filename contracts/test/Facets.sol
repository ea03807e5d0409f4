// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @dev Answers every selector with all it knows of the call. Each id is other code.
contract Echo {
    uint256 private immutable ID;

    constructor(uint256 id) {
        ID = id;
    }

    fallback(bytes calldata input) external payable returns (bytes memory) {
        return abi.encode(ID, address(this), msg.sender, msg.value, input);
    }

    receive() external payable {}
}

/// @dev Keeps its count in slot 0 of whoever runs it.
contract Counter {
    uint256 public count;

    function increment() external {
        ++count;
    }
}

/// @dev Fails in each way that revert data can look.
contract Thrower {
    error Refused(address who, uint256 why);

    function custom(uint256 why) external view {
        revert Refused(msg.sender, why);
    }

    function withReason() external pure {
        revert("the reason");
    }

    function silent() external pure {
        assembly ("memory-safe") {
            revert(0, 0)
        }
    }
}

/// @dev A facet that brings OpenZeppelin's own roles and pause.
contract GuardedFacet is AccessControl, Pausable {
    function grantOwn(bytes32 role, address account) external {
        _grantRole(role, account);
    }

    function hasOwn(bytes32 role, address account) external view returns (bool) {
        return super.hasRole(role, account);
    }

    function pauseOwn() external {
        _pause();
    }

    function pausedOwn() external view returns (bool) {
        return super.paused();
    }
}

/// @dev An init contract: what it writes and sees is the dispatcher's.
contract Setup {
    uint256 public value;
    address public caller;
    uint256 public runs;

    error Failed(uint256 value);

    function set(uint256 newValue) external {
        value = newValue;
        caller = msg.sender;
        ++runs;
    }

    function fail(uint256 why) external pure {
        revert Failed(why);
    }

    /// @dev Keeps whether the dispatcher answers a call while init runs.
    function ask(bytes calldata data) external {
        (bool ok,) = address(this).call(data);
        value = ok ? 1 : 2;
    }

    /// @dev Calls the dispatcher and fails as that call does.
    function enter(bytes calldata data) external {
        (bool ok, bytes memory result) = address(this).call(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}

/// @dev Calls back into the dispatcher with whatever it is given after its selector.
contract Reentrant {
    fallback(bytes calldata input) external payable returns (bytes memory) {
        (bool ok, bytes memory result) = address(this).call(input[4:]);
        if (ok) return result;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}

/// @dev Not an extension: it has code and answers nothing.
contract Mute {}
