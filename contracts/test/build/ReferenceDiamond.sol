// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SolidStateDiamond} from "@solidstate/contracts/proxy/diamond/SolidStateDiamond.sol";

/// @dev SolidState's reference implementation of EIP-2535, for `make gas` to measure beside the dispatcher.
contract ReferenceDiamond is SolidStateDiamond {}
