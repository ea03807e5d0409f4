// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev The cheatcodes that these tests use, and no others.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    /// @dev An EIP-7702 authorization.
    struct SignedDelegation {
        uint8 v;
        bytes32 r;
        bytes32 s;
        uint64 nonce;
        address implementation;
    }

    function getCode(string calldata artifact) external view returns (bytes memory creationCode);
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
    /// @dev Unlike block.timestamp it is read anew each time: the optimizer takes that for constant within a call.
    function getBlockTimestamp() external view returns (uint256);
    function deal(address account, uint256 balance) external;
    function etch(address account, bytes calldata code) external;
    function setNonce(address account, uint64 nonce) external;
    function addr(uint256 privateKey) external pure returns (address);
    /// @dev The next call is a transaction of type 4 that delegates the key's account.
    function signAndAttachDelegation(address implementation, uint256 privateKey)
        external
        returns (SignedDelegation memory);
    function load(address account, bytes32 slot) external view returns (bytes32);

    function expectRevert() external;
    function expectRevert(bytes calldata data) external;
    /// @dev All topics, the data and the emitter must match.
    function expectEmit(address emitter) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function record() external;
    function accesses(address account) external returns (bytes32[] memory reads, bytes32[] memory writes);

    function readFile(string calldata path) external view returns (string memory);
    function parseJsonKeys(string calldata json, string calldata key) external pure returns (string[] memory);
    function toString(bytes32 value) external pure returns (string memory);

    function assume(bool condition) external pure;
    function assertTrue(bool value, string calldata reason) external pure;
    function assertEq(uint256 got, uint256 want, string calldata reason) external pure;
    function assertEq(bytes32 got, bytes32 want, string calldata reason) external pure;
    function assertEq(address got, address want, string calldata reason) external pure;
    function assertEq(bytes calldata got, bytes calldata want, string calldata reason) external pure;
}
