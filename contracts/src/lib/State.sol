// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev The one word that a routed call reads, low bits first:
/// table 160 | epoch 32 | eta 40 | pages 8 | limit 7 | pendingLimit 7 | paused 1 | unused 1
///
/// table         address of page 0 of the live manifest, zero before the first
/// epoch         activations so far; an epoch takes at least one block, so 32 bits last
/// eta           block time from which the pending root can be activated, zero if none is pending
/// pages         number of pages of the live manifest
/// limit         routes that a page of a later commitment may hold
/// pendingLimit  `limit` as it was when the pending root was committed
type State is uint256;

using StateLib for State global;

/// @title Reads and writes the packed state word
library StateLib {
    uint256 private constant EPOCH = 160;
    uint256 private constant ETA = 192;
    uint256 private constant PAGES = 232;
    uint256 private constant LIMIT = 240;
    uint256 private constant PENDING_LIMIT = 247;
    uint256 private constant PAUSED = 254;

    function table(State s) internal pure returns (address) {
        return address(uint160(State.unwrap(s)));
    }

    function epoch(State s) internal pure returns (uint256) {
        return uint32(State.unwrap(s) >> EPOCH);
    }

    /// @dev The epoch of the pending root, or of the next one.
    function nextEpoch(State s) internal pure returns (uint256) {
        unchecked {
            return s.epoch() + 1;
        }
    }

    function eta(State s) internal pure returns (uint256) {
        return uint40(State.unwrap(s) >> ETA);
    }

    function pages(State s) internal pure returns (uint256) {
        return uint8(State.unwrap(s) >> PAGES);
    }

    function limit(State s) internal pure returns (uint256) {
        return (State.unwrap(s) >> LIMIT) & 0x7f;
    }

    function pendingLimit(State s) internal pure returns (uint256) {
        return (State.unwrap(s) >> PENDING_LIMIT) & 0x7f;
    }

    function paused(State s) internal pure returns (bool) {
        return (State.unwrap(s) >> PAUSED) & 1 != 0;
    }

    /// @dev A pending commitment with the limit now in force.
    function withPending(State s, uint256 eta_) internal pure returns (State) {
        return s.withoutPending().with(ETA, eta_).with(PENDING_LIMIT, s.limit());
    }

    function withoutPending(State s) internal pure returns (State) {
        return State.wrap(State.unwrap(s) & ~((uint256(0xffffffffff) << ETA) | (uint256(0x7f) << PENDING_LIMIT)));
    }

    /// @dev The pending commitment becomes the live one.
    function activated(State s, address table_, uint256 pages_) internal pure returns (State) {
        uint256 kept = State.unwrap(s) & ((uint256(0x7f) << LIMIT) | (uint256(1) << PAUSED));
        return State.wrap(kept).with(0, uint160(table_)).with(EPOCH, s.nextEpoch()).with(PAGES, pages_);
    }

    function withLimit(State s, uint256 limit_) internal pure returns (State) {
        return State.wrap(State.unwrap(s) & ~(uint256(0x7f) << LIMIT)).with(LIMIT, limit_);
    }

    function withPaused(State s, bool paused_) internal pure returns (State) {
        return State.wrap(State.unwrap(s) & ~(uint256(1) << PAUSED)).with(PAUSED, paused_ ? 1 : 0);
    }

    /// @dev Sets bits that are zero; `value` fits its field.
    function with(State s, uint256 shift, uint256 value) internal pure returns (State) {
        return State.wrap(State.unwrap(s) | (value << shift));
    }
}
