// SPDX-License-Identifier: MIT
pragma solidity ^0.8.35;

contract EnumAppendV1 { enum State { Open, Closed } State state; }
contract EnumAppendV2 { enum State { Open, Closed, Paused } State state; }

contract EnumRenamedV1 { enum State { Open, Closed } State state; }
contract EnumRenamedV2 { enum Phase { Open, Closed } Phase state; }

contract EnumInsertV1 { enum State { Open, Closed } State state; }
contract EnumInsertV2 { enum State { Open, Paused, Closed } State state; }

contract EnumDeleteV1 { enum State { Open, Paused, Closed } State state; }
contract EnumDeleteV2 { enum State { Open, Closed } State state; }

contract EnumReplaceV1 { enum State { Open, Closed } State[] states; }
contract EnumReplaceV2 { enum State { Open, Sold } State[] states; }

contract EnumSwapV1 { enum State { Open, Closed } mapping(State => uint256) counts; }
contract EnumSwapV2 { enum State { Closed, Open } mapping(State => uint256) counts; }

contract EnumKeyAppendV1 { enum State { Open, Closed } mapping(State => uint256) counts; }
contract EnumKeyAppendV2 { enum State { Open, Closed, Paused } mapping(State => uint256) counts; }

contract EnumToNumberV1 { enum State { Open, Closed } State state; }
contract EnumToNumberV2 { uint8 state; }

contract NumberToEnumV1 { mapping(address => uint8) states; }
contract NumberToEnumV2 { enum State { Open, Closed } mapping(address => State) states; }
