// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev An account that calls what it is told to. A contract, so that it can act while another call is under way.
contract Actor {
    function call(address target, bytes calldata data) external returns (bool ok, bytes memory result) {
        return target.call(data);
    }
}

/// @dev What facets and init calls tell the handler. They keep no storage: each slot written is the dispatcher's own.
interface IWitness {
    /// @notice An init call with this number runs.
    function initRuns(uint256 number) external;
    /// @notice The dispatcher runs foreign code: others act now. Returns what the dispatcher is to call of itself.
    function enter() external returns (bytes memory data, bytes memory attempt);
    /// @notice How the dispatcher's call of itself ended.
    function ended(bytes calldata attempt, bool ok, bytes calldata result) external;
}

/// @dev An init contract.
contract Initializer {
    IWitness private immutable WITNESS;

    error Failed();

    constructor(IWitness witness) {
        WITNESS = witness;
    }

    function run(uint256 number) external {
        WITNESS.initRuns(number);
    }

    function fail() external pure {
        revert Failed();
    }
}

/// @dev A facet and an init that gives everyone a turn, the dispatcher itself too, while the dispatcher runs it.
contract Callback {
    IWitness private immutable WITNESS;

    constructor(IWitness witness) {
        WITNESS = witness;
    }

    function run(uint256 number) external {
        WITNESS.initRuns(number);
        _giveTurns();
    }

    fallback(bytes calldata) external payable returns (bytes memory) {
        _giveTurns();
        return abi.encode(uint256(99));
    }

    receive() external payable {}

    function _giveTurns() private {
        (bytes memory data, bytes memory attempt) = WITNESS.enter();
        if (data.length == 0) return;
        (bool ok, bytes memory result) = address(this).call(data);
        WITNESS.ended(attempt, ok, result);
    }
}
