// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

contract KeptV1 is Initializable, UUPSUpgradeable {
    uint256 total;
    function _authorizeUpgrade(address) internal override { }
}
contract KeptV2 is Initializable, UUPSUpgradeable {
    uint256 total;
    uint256 fee;
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() { _disableInitializers(); }
    function initialize() external initializer { total = 1; }
    function _authorizeUpgrade(address) internal override { }
}

contract LostV1 is Initializable, UUPSUpgradeable {
    uint256 total;
    function _authorizeUpgrade(address) internal override { }
}
contract LostV2 { uint256 total; }

contract OfOnesOwnV1 { uint256 total; function upgradeTo(address) external { } }
contract OfOnesOwnV2 { uint256 total; function upgradeToAndCall(address, bytes memory) public payable { } }

contract NotPublicV1 { uint256 total; function upgradeTo(address) external { } }
contract NotPublicV2 { uint256 total; function upgradeTo(address) internal { } }

contract OtherParametersV1 { uint256 total; function upgradeTo(address) external { } }
contract OtherParametersV2 { uint256 total; function upgradeToAndCall(address) external { } }

contract LockedWithoutSayingSoV1 is Initializable, UUPSUpgradeable {
    uint256 total;
    function _authorizeUpgrade(address) internal override { }
}
contract LockedWithoutSayingSoV2 is Initializable, UUPSUpgradeable {
    uint256 total;
    constructor() { _disableInitializers(); }
    function _authorizeUpgrade(address) internal override { }
}
