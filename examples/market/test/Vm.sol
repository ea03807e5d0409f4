// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev What these tests use of forge's cheat codes.
interface Vm {
    function warp(uint256 timestamp) external;
    function prank(address sender) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit(address emitter) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function deployCode(string calldata artifact, bytes calldata args) external returns (address);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonKeys(string calldata json, string calldata key) external pure returns (string[] memory);
}

Vm constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
