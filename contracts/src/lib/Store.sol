// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {State} from "./State.sol";

// Roles are bits of one word per account, so that a check is one read.
bytes32 constant DEFAULT_ADMIN = 0x00;
bytes32 constant GOVERNANCE = keccak256("GOVERNANCE_ROLE");
bytes32 constant COMMIT = keccak256("COMMIT_ROLE");
bytes32 constant APPLY = keccak256("APPLY_ROLE");
bytes32 constant PAUSER = keccak256("PAUSER_ROLE");
bytes32 constant EMERGENCY = keccak256("EMERGENCY_ROLE");

uint256 constant DEFAULT_ADMIN_BIT = 1 << 0;
uint256 constant GOVERNANCE_BIT = 1 << 1;
uint256 constant COMMIT_BIT = 1 << 2;
uint256 constant APPLY_BIT = 1 << 3;
uint256 constant PAUSER_BIT = 1 << 4;
uint256 constant EMERGENCY_BIT = 1 << 5;

/// @dev Keeps roots that name an init call apart from routesRoots.
bytes32 constant INIT_TYPEHASH_ = keccak256("Manifest(bytes32 routesRoot,bytes32 initHash)");

/// @dev All storage of the dispatcher, in one ERC-7201 namespace: facets run by delegatecall and lay out their own
/// storage from slot 0 or in OpenZeppelin's namespaces.
/// @custom:storage-location erc7201:lockstep.storage.ManifestDispatcher
struct Store {
    State state;
    /// @dev The live root at index epoch & 1, the pending one at the other; a stale one while none is pending.
    /// See `rootAt`.
    bytes32[2] roots;
    uint32 etaGrace;
    mapping(address account => uint256 bits) roles;
    /// @dev The routesRoot of each root whose init call was run; an entry also says that it must not run again.
    mapping(bytes32 root => bytes32 routesRoot) initialized;
}

// keccak256(abi.encode(uint256(keccak256("lockstep.storage.ManifestDispatcher")) - 1)) & ~bytes32(uint256(0xff))
bytes32 constant STORE_SLOT = 0x0e8bee71e09165130d954e6b7283bf3843c0c17ff1bd7880a8700186be4ac500;

/// @dev One of `Store.roots`.
struct Root {
    bytes32 value;
}

function store() pure returns (Store storage $) {
    assembly ("memory-safe") {
        $.slot := STORE_SLOT
    }
}

/// @dev `$.roots[epoch & 1]`, without a check of the index.
function rootAt(uint256 epoch) pure returns (Root storage root) {
    assembly ("memory-safe") {
        root.slot := add(add(STORE_SLOT, 1), and(epoch, 1))
    }
}

function requireRole(uint256 bit, bytes32 role) view {
    if (store().roles[msg.sender] & bit == 0) {
        revert IAccessControl.AccessControlUnauthorizedAccount(msg.sender, role);
    }
}
