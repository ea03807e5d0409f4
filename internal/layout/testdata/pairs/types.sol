// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

type Price is uint128;
type Cost is uint128;
type Signed is int128;
type Wide is uint256;
interface IOracle { }
interface IFeed { }

contract NarrowV1 { uint256 total; }
contract NarrowV2 { uint128 total; }

contract WidenV1 { uint128 total; uint256 fee; }
contract WidenV2 { uint256 total; uint256 fee; }

contract SignV1 { uint256 total; }
contract SignV2 { int256 total; }

contract AddressToBytesV1 { address owner; }
contract AddressToBytesV2 { bytes20 owner; }

contract AddressToPayableV1 { address owner; }
contract AddressToPayableV2 { address payable owner; }

contract BoolToByteV1 { bool open; }
contract BoolToByteV2 { uint8 open; }

contract BytesToStringV1 { bytes data; }
contract BytesToStringV2 { string data; }

contract AddressToContractV1 { address oracle; mapping(address => uint256) known; }
contract AddressToContractV2 { IOracle oracle; mapping(IOracle => uint256) known; }

contract ContractToAddressV1 { IOracle oracle; IOracle[] all; }
contract ContractToAddressV2 { address oracle; address[] all; }

contract OtherContractV1 { IOracle oracle; mapping(uint256 => IOracle) known; }
contract OtherContractV2 { IFeed oracle; mapping(uint256 => IFeed) known; }

contract OwnValueV1 { Price price; mapping(Price => Price) known; }
contract OwnValueV2 { Cost price; mapping(Cost => Cost) known; }

contract OwnValueOverAnotherV1 { Price price; }
contract OwnValueOverAnotherV2 { Signed price; }

contract OwnValueResizedV1 { Price price; }
contract OwnValueResizedV2 { Wide price; }

contract OwnValueToPlainV1 { Price price; }
contract OwnValueToPlainV2 { uint128 price; }

contract PlainToOwnValueV1 { mapping(uint256 => uint128) prices; }
contract PlainToOwnValueV2 { mapping(uint256 => Price) prices; }

contract MappingKeyV1 { mapping(uint256 => uint256) known; }
contract MappingKeyV2 { mapping(address => uint256) known; }

contract MappingValueV1 { mapping(address => uint256) balances; }
contract MappingValueV2 { mapping(address => uint128) balances; }

contract MappingDeepV1 { mapping(address => mapping(address => uint256)) allowances; }
contract MappingDeepV2 { mapping(address => mapping(bytes32 => uint256)) allowances; }

contract ArrayElementV1 { uint256[] list; }
contract ArrayElementV2 { uint128[] list; }

contract ArrayGrowsV1 { uint256[3] list; uint256 total; }
contract ArrayGrowsV2 { uint256[4] list; uint256 total; }

contract ArrayGrowsLastV1 { uint256 total; uint256[3] list; }
contract ArrayGrowsLastV2 { uint256 total; uint256[4] list; }

contract ArrayGrowsInItsSlotV1 { uint64[3] list; uint256 total; }
contract ArrayGrowsInItsSlotV2 { uint64[4] list; uint256 total; }

contract ArrayShrinksV1 { uint256[3] list; uint256 total; }
contract ArrayShrinksV2 { uint256[2] list; uint256 total; }

contract ArrayBecomesDynamicV1 { uint256[1] list; }
contract ArrayBecomesDynamicV2 { uint256[] list; }

contract ArrayGrowsInMappingV1 { mapping(address => uint256[3]) lists; }
contract ArrayGrowsInMappingV2 { mapping(address => uint256[5]) lists; }

contract ArrayShrinksInMappingV1 { mapping(address => uint256[3]) lists; }
contract ArrayShrinksInMappingV2 { mapping(address => uint256[2]) lists; }

contract ArrayGrowsInArrayV1 { uint256[3][] lists; }
contract ArrayGrowsInArrayV2 { uint256[4][] lists; }

contract ExternalFunctionV1 { function(uint256) external callback; }
contract ExternalFunctionV2 { function(uint256, address) external returns (bool) callback; }

contract FunctionVisibilityV1 { function() external callback; }
contract FunctionVisibilityV2 { function() internal callback; }

contract FunctionToNumberV1 { function() external callback; }
contract FunctionToNumberV2 { uint192 callback; }
