// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {State} from "../../src/lib/State.sol";
import {Test} from "../Test.sol";

/// @dev The packed word, compared with a struct that is not packed.
contract StateTest is Test {
    struct Fields {
        address table;
        uint32 epoch;
        uint40 eta;
        uint8 pages;
        uint8 limit;
        uint8 pendingLimit;
        bool paused;
    }

    function pack(Fields memory f) private pure returns (State) {
        uint256 word = f.paused ? 1 : 0;
        word = word * 2 ** 7 + f.pendingLimit;
        word = word * 2 ** 7 + f.limit;
        word = word * 2 ** 8 + f.pages;
        word = word * 2 ** 40 + f.eta;
        word = word * 2 ** 32 + f.epoch;
        word = word * 2 ** 160 + uint160(f.table);
        return State.wrap(word);
    }

    modifier sevenBits(Fields memory f) {
        f.limit &= 0x7f;
        f.pendingLimit &= 0x7f;
        _;
    }

    function assertIs(State got, Fields memory want) private pure {
        assertEq(State.unwrap(got), State.unwrap(pack(want)), "word");
    }

    function testFuzz_state_reads(Fields memory f) public pure sevenBits(f) {
        State s = pack(f);
        assertEq(s.table(), f.table, "table");
        assertEq(s.epoch(), f.epoch, "epoch");
        assertEq(s.eta(), f.eta, "eta");
        assertEq(s.pages(), f.pages, "pages");
        assertEq(s.limit(), f.limit, "limit");
        assertEq(s.pendingLimit(), f.pendingLimit, "limit of the commitment");
        assertTrue(s.paused() == f.paused, "paused");
    }

    function testFuzz_state_withPending(Fields memory f, uint40 eta) public pure sevenBits(f) {
        State s = pack(f);
        (f.eta, f.pendingLimit) = (eta, f.limit);
        assertIs(s.withPending(eta), f);
    }

    function testFuzz_state_withoutPending(Fields memory f) public pure sevenBits(f) {
        State s = pack(f);
        (f.eta, f.pendingLimit) = (0, 0);
        assertIs(s.withoutPending(), f);
    }

    function testFuzz_state_activated(Fields memory f, address table, uint8 pages) public pure sevenBits(f) {
        vm.assume(f.epoch != type(uint32).max);
        State s = pack(f);
        (f.table, f.pages, f.epoch) = (table, pages, f.epoch + 1);
        (f.eta, f.pendingLimit) = (0, 0);
        assertIs(s.activated(table, pages), f);
    }

    function testFuzz_state_withLimit(Fields memory f, uint8 limit) public pure sevenBits(f) {
        State s = pack(f);
        f.limit = limit & 0x7f;
        assertIs(s.withLimit(f.limit), f);
    }

    function testFuzz_state_withPaused(Fields memory f, bool paused) public pure sevenBits(f) {
        State s = pack(f);
        f.paused = paused;
        assertIs(s.withPaused(paused), f);
    }
}
