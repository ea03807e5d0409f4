// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// What is sent against a dispatcher that is watched.

/// Writes whatever slot of whoever delegates to it.
contract Writer {
    function write(bytes32 slot, bytes32 word) external {
        assembly {
            sstore(slot, word)
        }
    }
}

/// Calls, and fails as what it called does.
contract Caller {
    function pass(address to, bytes calldata data) external {
        (bool ok, bytes memory why) = to.call(data);
        if (!ok) fail(why);
    }
}

/// Fails with whatever it is told.
contract Liar {
    function say(bytes calldata why) external pure {
        fail(why);
    }
}

function fail(bytes memory why) pure {
    assembly {
        revert(add(why, 32), mload(why))
    }
}

/// A facet that destroys itself when nothing is asked of it.
contract Honest {
    fallback() external {
        if (msg.data.length == 0) selfdestruct(payable(msg.sender));
    }
}

/// Becomes what its creator says: its address tells nothing of its code.
contract Shell {
    constructor() {
        bytes memory code = Morph(msg.sender).code();
        assembly {
            return(add(code, 32), mload(code))
        }
    }
}

/// Has one contract that comes and goes.
contract Morph {
    bytes public code;

    /// Creates the contract with some code. If there is a target, calls that, and has the contract destroy itself.
    function become(bytes calldata what, address target, bytes calldata data) external returns (address made) {
        code = what;
        made = address(new Shell{salt: 0}());
        if (target == address(0)) return made;
        (bool ok, bytes memory why) = target.call(data);
        if (!ok) fail(why);
        (ok,) = made.call("");
    }

    function where() external view returns (address) {
        bytes32 shell = keccak256(type(Shell).creationCode);
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), shell)))));
    }
}
