// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title CallSequence
/// @notice Makes calls one after another, each on what the one before left behind, and tells what each cost. It is
/// never deployed: the program puts its code at the address of a signer, by the state override of an eth_call, to learn
/// what a sequence of that signer's transactions would do on a node that has no eth_simulateV1.
contract CallSequence {
    struct Call {
        address to;
        bytes data;
    }

    struct Result {
        bool success;
        /// @dev within the call: without what every transaction and its data cost, and with what earlier calls warmed
        uint256 gasUsed;
        bytes answer;
    }

    /// @notice Stops after the first call that fails; the results behind it are empty.
    function run(Call[] calldata calls) external returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 before = gasleft();
            (bool success, bytes memory answer) = calls[i].to.call(calls[i].data);
            results[i] = Result(success, before - gasleft(), answer);
            if (!success) break;
        }
    }
}
