// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @dev As a facet or an init it gives away all that the dispatcher holds.
contract Thief {
    address private immutable BOSS;

    constructor(address boss) {
        BOSS = boss;
    }

    fallback() external payable {
        (bool ok,) = BOSS.call{value: address(this).balance}("");
        require(ok, "not paid");
    }
}

/// @dev Its code is whatever its creator says at that moment, so the address says nothing of the code.
contract Shell {
    constructor() {
        bytes memory code = Metamorph(msg.sender).code();
        assembly ("memory-safe") {
            return(add(code, 0x20), mload(code))
        }
    }
}

/// @dev Has one contract that comes and goes and is never the same. EIP-6780 lets a contract destroy itself only in the
/// transaction that created it; that is enough to show one code to a check and bring another later.
contract Metamorph {
    /// @dev With calldata: returns 1. Without: destroys itself.
    /// CALLDATASIZE, PUSH1 6, JUMPI; PUSH0, SELFDESTRUCT; JUMPDEST, PUSH1 1, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
    bytes public constant HONEST = hex"366006575fff5b60015f5260205ff3";

    bytes public code;

    function home() public view returns (address) {
        bytes32 initCodeHash = keccak256(type(Shell).creationCode);
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), initCodeHash)))));
    }

    function become(bytes memory newCode) public {
        code = newCode;
        new Shell{salt: 0}();
    }

    /// @dev In one transaction: the honest code appears, something is called that looks at it, and it is gone.
    function showHonest(address target, bytes calldata data) external {
        become(HONEST);
        (bool ok, bytes memory result) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
        (ok,) = home().call("");
        require(ok, "still there");
    }
}

/// @dev A wallet that does what anybody asks.
contract OpenWallet {
    function execute(address to, bytes calldata data) external payable {
        (bool ok, bytes memory result) = to.call(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 0x20), mload(result))
        }
    }
}

/// @dev A facet with an owner of its own, whom anybody may replace.
contract ClaimableFacet is Ownable(msg.sender) {
    function claim(address newOwner) external {
        _transferOwnership(newOwner);
    }
}

/// @dev An init that pays a bonus, once.
contract Bonus {
    uint256 public constant AMOUNT = 1 ether;

    function pay(address to) external {
        (bool ok,) = to.call{value: AMOUNT}("");
        require(ok, "not paid");
    }
}

/// @dev Holds a role, is paid by an init, and calls the dispatcher again while it is being paid.
contract Greedy {
    bytes private again;
    /// @dev What the call from within returned, or how it failed.
    bytes public answer;

    function run(address dispatcher, bytes calldata data, bytes calldata again_) external {
        again = again_;
        (bool ok,) = dispatcher.call(data);
        require(ok, "refused at first");
    }

    receive() external payable {
        bytes memory data = again;
        if (data.length == 0) return;
        delete again;
        (, answer) = msg.sender.call(data);
    }
}

/// @dev Answers with a megabyte of zeros, or fails with it.
contract Bomb {
    uint256 private constant SIZE = 1 << 20;

    function burst() external pure {
        assembly ("memory-safe") {
            return(0, SIZE)
        }
    }

    function fail() external pure {
        assembly ("memory-safe") {
            revert(0, SIZE)
        }
    }
}

/// @dev Answers everything with nothing.
contract Yes {
    fallback() external {}
}

/// @dev Creates a contract for anybody, from any code.
contract Factory {
    function deploy(bytes32 salt, bytes memory initCode) external returns (address created) {
        assembly ("memory-safe") {
            created := create2(0, add(initCode, 0x20), mload(initCode), salt)
        }
    }
}
