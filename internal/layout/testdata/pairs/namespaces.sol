// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract NamespaceAppendV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; mapping(address => uint256) balances; }
}
contract NamespaceAppendV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; mapping(address => uint256) balances; address owner; }
}

contract NamespaceRenamedStructV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; }
}
contract NamespaceRenamedStructV2 {
    /// @custom:storage-location erc7201:example.main
    struct VaultStorage { uint256 total; }
}

contract NamespaceNewV1 { uint256 total; }
contract NamespaceNewV2 {
    uint256 total;
    /// @custom:storage-location erc7201:example.fees
    struct Fees { uint256 rate; }
}

contract NamespaceMovesToBaseV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; }
}
contract MainBase {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; uint256 fee; }
}
contract NamespaceMovesToBaseV2 is MainBase { }

contract NamespaceInsertV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; address owner; }
}
contract NamespaceInsertV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; uint256 fee; address owner; }
}

contract NamespaceFillPaddingV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint64 start; uint256 total; }
}
contract NamespaceFillPaddingV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint64 start; uint64 end; uint256 total; }
}

contract NamespaceDeleteV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; address owner; }
}
contract NamespaceDeleteV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; }
}

contract NamespaceGoneV1 {
    uint256 total;
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 fee; }
}
contract NamespaceGoneV2 { uint256 total; }

contract NamespaceOtherIdV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; }
}
contract NamespaceOtherIdV2 {
    /// @custom:storage-location erc7201:example.vault
    struct Main { uint256 total; }
}

contract NamespaceTypeV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; address owner; }
}
contract NamespaceTypeV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint128 total; address owner; }
}

contract NamespaceRenameV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; address owner; }
}
contract NamespaceRenameV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 sum; address owner; }
}

contract NamespaceReplaceV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; address owner; }
}
contract NamespaceReplaceV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; bytes32 root; }
}

contract NamespaceGapV1 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; uint256[5] __gap; address owner; }
}
contract NamespaceGapV2 {
    /// @custom:storage-location erc7201:example.main
    struct Main { uint256 total; uint256 fee; uint256[4] __gap; address owner; }
}

contract NamespaceStructV1 {
    struct Lot { uint256 price; }
    /// @custom:storage-location erc7201:example.main
    struct Main { Lot best; mapping(uint256 => Lot) lots; uint256 total; }
}
contract NamespaceStructV2 {
    struct Lot { uint256 price; uint256 fee; }
    /// @custom:storage-location erc7201:example.main
    struct Main { Lot best; mapping(uint256 => Lot) lots; uint256 total; }
}

contract NamespaceStructInMappingV1 {
    struct Lot { uint256 price; }
    /// @custom:storage-location erc7201:example.main
    struct Main { mapping(uint256 => Lot) lots; uint256 total; }
}
contract NamespaceStructInMappingV2 {
    struct Lot { uint256 price; uint256 fee; }
    /// @custom:storage-location erc7201:example.main
    struct Main { mapping(uint256 => Lot) lots; uint256 total; }
}

contract NamespaceWithoutFormulaV1 {
    /// @custom:storage-location mine:example.main
    struct Main { uint256 total; address owner; }
}
contract NamespaceWithoutFormulaV2 {
    /// @custom:storage-location mine:example.main
    struct Main { address owner; }
}

contract TwoNamespacesV1 {
    uint256 total;
    /// @custom:storage-location erc7201:example.a
    struct A { uint256 one; }
    /// @custom:storage-location erc7201:example.b
    struct B { uint256 two; }
}
contract TwoNamespacesV2 {
    uint256 total;
    /// @custom:storage-location erc7201:example.b
    struct B { uint256 zero; uint256 two; }
    /// @custom:storage-location erc7201:example.a
    struct A { uint256 one; uint256 three; }
}
