// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// Facets that make one check of a plan trip each, beside others that come near.

contract Vault {
    uint256 total;

    function add(uint256 x) external {
        total += x;
    }

    function sum() external view returns (uint256) {
        return total;
    }

    function drop() external {
        total = 0;
    }
}

contract VaultDoubling {
    uint256 total;

    function add(uint256 x) external {
        total += 2 * x;
    }

    function sum() external view returns (uint256) {
        return total;
    }

    function drop() external {
        total = 0;
    }
}

contract VaultWithoutDrop {
    uint256 total;

    function add(uint256 x) external {
        total += 3 * x;
    }

    function sum() external view returns (uint256) {
        return total;
    }
}

contract VaultMoved {
    address owner;
    uint256 total;

    function add(uint256 x) external {
        if (owner == address(0)) owner = msg.sender;
        total += x;
    }

    function sum() external view returns (uint256) {
        return total;
    }

    function drop() external {
        total = 0;
    }
}

contract Reading {
    uint256 total;

    function twice() external view returns (uint256) {
        return 2 * total;
    }
}

contract Clashing {
    address owner;

    function claim() external {
        owner = msg.sender;
    }
}

contract Destructing {
    function end(address payable to) external {
        selfdestruct(to);
    }
}

contract Paying {
    function end(address payable to) external {
        to.transfer(address(this).balance);
    }
}

contract Delegating {
    function run(address to) external returns (bool done) {
        (done,) = to.delegatecall("");
    }
}

contract Calling {
    function run(address to) external returns (bool done) {
        (done,) = to.call("");
    }
}

contract Beginning {
    uint256 total;

    function begin(uint256 x) external {
        require(x > 0, "nothing to begin with");
        total = x;
    }
}
