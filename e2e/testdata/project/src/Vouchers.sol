// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";

/// @notice A draft that cannot be a facet as it stands: EIP712 keeps the chain id in the code, so the code differs between
/// networks, and supportsInterface is a function of the dispatcher itself.
contract Vouchers is EIP712, ERC165 {
    constructor() EIP712("Cafe", "1") {}

    function digest(address guest, uint256 points) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(keccak256("Voucher(address guest,uint256 points)"), guest, points)));
    }
}
