// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IDispatcherCore, IDispatcherExtension} from "./IManifestDispatcher.sol";
import {Lifecycle, ACTIVATION_WINDOW} from "./lib/Lifecycle.sol";
import {Page} from "./lib/Page.sol";
import {PageStore} from "./lib/PageStore.sol";
import {Router} from "./lib/Router.sol";
import {State} from "./lib/State.sol";
import {
    Store,
    store,
    Root,
    requireRole,
    rootAt,
    STORE_SLOT,
    APPLY,
    APPLY_BIT,
    COMMIT,
    COMMIT_BIT,
    DEFAULT_ADMIN,
    DEFAULT_ADMIN_BIT
} from "./lib/Store.sol";

/// @title ManifestDispatcher
/// @notice See `IManifestDispatcher`. This contract holds what is called often: routing, commit, apply, activate.
/// @dev Not upgradeable. What no route and no function here answers is delegated to the extension.
/// Facets and init calls run by delegatecall and can write any slot: they are trusted code, agreed to by their root.
contract ManifestDispatcher is IDispatcherCore {
    using Page for bytes;

    uint256 private constant MIN_DELAY = 1;
    uint256 private constant MAX_DELAY = 365 days;

    address private immutable EXTENSION;
    uint256 private immutable DELAY;
    /// @dev Constants that every routed call reads: the slot of the state word, and what `Router.route` makes the
    /// address of a page from. The compiler puts an immutable where it is used; a constant this large it fetches.
    uint256 private immutable SLOT;
    bytes32 private immutable PAGE_INIT_CODE_HASH;
    bytes32 private immutable CREATE2_PREFIX;
    /// @dev Bit x is set if byte 0, 1 or 3 of a reserved selector is x: rules nearly all others out at once.
    uint256 private immutable RESERVED_0;
    uint256 private immutable RESERVED_1;
    uint256 private immutable RESERVED_3;

    /// @param extension_ The DispatcherExtension.
    /// @param delay_ Seconds between commit and eta, 1 to 365 days.
    /// @param admin The first holder of DEFAULT_ADMIN_ROLE, and of no other role.
    constructor(address extension_, uint256 delay_, address admin) {
        if (delay_ < MIN_DELAY || delay_ > MAX_DELAY) revert OutOfBounds(delay_, MIN_DELAY, MAX_DELAY);
        // eta has 40 bits: enough for seconds, not for a network that counts milliseconds
        uint256 last = type(uint40).max - MAX_DELAY;
        if (block.timestamp > last) revert OutOfBounds(block.timestamp, 0, last);
        if (admin == address(0)) revert InvalidAdmin();
        if (extension_.code.length == 0) revert InvalidExtension(extension_);
        if (IDispatcherExtension(extension_).extension() != extension_) revert InvalidExtension(extension_);
        bytes4[] memory reserved = IDispatcherExtension(extension_).reservedSelectors();
        uint256 filter0;
        uint256 filter1;
        uint256 filter3;
        for (uint256 i = 0; i < reserved.length; ++i) {
            filter0 |= 1 << uint8(reserved[i][0]);
            filter1 |= 1 << uint8(reserved[i][1]);
            filter3 |= 1 << uint8(reserved[i][3]);
        }
        EXTENSION = extension_;
        DELAY = delay_;
        SLOT = uint256(STORE_SLOT);
        PAGE_INIT_CODE_HASH = PageStore.INIT_CODE_HASH;
        CREATE2_PREFIX = bytes32(bytes.concat(hex"ff", bytes20(address(this))));
        RESERVED_0 = filter0;
        RESERVED_1 = filter1;
        RESERVED_3 = filter3;

        Store storage $ = store();
        $.state = State.wrap(0).withLimit(50);
        $.etaGrace = 60;
        // not zero, so that the first two commits cost what all others cost; never shown
        $.roots = [bytes32(type(uint256).max), bytes32(type(uint256).max)];
        $.roles[admin] = DEFAULT_ADMIN_BIT;
        emit IAccessControl.RoleGranted(DEFAULT_ADMIN, admin, msg.sender);
    }

    // ---- routing ----

    /// @dev A plain transfer is routed as the selector 0x00000000.
    fallback() external payable {
        uint256 slot = SLOT;
        State state;
        assembly ("memory-safe") {
            state := sload(slot)
        }
        Router.route(state, CREATE2_PREFIX, PAGE_INIT_CODE_HASH, EXTENSION, DELAY);
    }

    // ---- commit ----

    /// @inheritdoc IDispatcherCore
    function commitRoot(bytes32 root, uint64 epoch) external {
        requireRole(COMMIT_BIT, COMMIT);
        State s = store().state;
        Root storage pending = rootAt(s.nextEpoch());
        if (root == 0) revert ZeroRoot();
        if (epoch != s.nextEpoch()) revert WrongEpoch(epoch, s.nextEpoch());
        unchecked {
            // eta has 40 bits, the delay is a year at most
            uint256 eta = s.eta();
            if (eta != 0 && block.timestamp <= eta + ACTIVATION_WINDOW && pending.value == root) {
                revert AlreadyPending(root);
            }
            eta = block.timestamp + DELAY;
            pending.value = root;
            store().state = s.withPending(eta);
            emit Committed(root, epoch, eta);
        }
    }

    // ---- apply ----

    /// @inheritdoc IDispatcherCore
    function applyRoutes(bytes calldata page, bytes32[] calldata proof, bytes32 initHash) external {
        requireRole(APPLY_BIT, APPLY);
        State s = store().state;
        bytes32 root = Lifecycle.pendingRoot(s);
        bytes memory content = Page.copy(page);
        bytes32 routesRoot = MerkleProof.processProofCalldata(proof, content.leaf());
        if ((initHash == 0 ? routesRoot : Lifecycle.rootOf(routesRoot, initHash)) != root) revert InvalidProof(root);

        uint256 header = Page.word(content.start());
        uint256 index = Page.index(header);
        bytes32 salt = PageStore.salt(routesRoot, index);
        if (PageStore.addressOfSalt(salt).code.length != 0) revert PageAlreadyStaged(routesRoot, index);

        _checkPage(content, header, s.pendingLimit());
        if (PageStore.create(salt, content) == address(0)) revert PageNotStored(routesRoot, index);
        emit RoutesApplied(root, Page.routes(header));
    }

    /// @dev Checks all that makes bytes a page, and its facets' live code; emits its routes.
    function _checkPage(bytes memory page, uint256 header, uint256 limit) private {
        // n is at most 100 and the page some thousand bytes, so nothing overflows
        unchecked {
            uint256 n = Page.routes(header);
            uint256 facets = Page.facetsOffset(n);
            if (header >> 248 != 0 || Page.index(header) >= Page.pages(header) || page.length <= facets) {
                revert MalformedPage();
            }
            if (n > limit) revert PageTooLarge(n, limit);
            uint256 m = (page.length - facets) / Page.FACET;
            // each facet is used, so there are no more of them than routes and no entry leads beyond them
            if (_checkRoutes(page, header) + 1 != 1 << m || m * Page.FACET + facets != page.length) {
                revert MalformedPage();
            }
            _checkFacets(page, facets);
        }
    }

    /// @dev Returns a bit for each facet that is used.
    function _checkRoutes(bytes memory page, uint256 header) private returns (uint256 used) {
        unchecked {
            uint256 start = page.start();
            uint256 n = Page.routes(header);
            uint256 facets = start + Page.facetsOffset(n);
            uint256 p = start + Page.entriesOffset(n);
            for (uint256 i = 0; i < n; ++i) {
                uint256 entry = Page.word(p);
                uint256 selector = entry >> 224;
                if (Page.home(selector, Page.pages(header)) != Page.index(header)) {
                    revert WrongPage(bytes4(bytes32(entry)), Page.index(header));
                }
                if (Page.position(start, n, selector) != i) revert MisplacedSelector(bytes4(bytes32(entry)));
                if (_isReserved(selector)) revert SelectorReserved(bytes4(bytes32(entry)));
                uint256 f = uint8(entry >> 216);
                used |= 1 << f;
                emit SelectorRouted(bytes4(bytes32(entry)), address(uint160(Page.word(facets + f * Page.FACET) >> 96)));
                p += Page.ENTRY;
            }
        }
    }

    function _checkFacets(bytes memory page, uint256 facets) private view {
        unchecked {
            uint256 start = page.start();
            uint256 end = start + page.length;
            uint256 last;
            for (uint256 p = start + facets; p < end; p += Page.FACET) {
                uint256 facet = Page.word(p) >> 96;
                if (facet <= last) revert MalformedPage();
                last = facet;
                Lifecycle.requireCode(address(uint160(facet)));
                Lifecycle.requireCodehash(start, p);
            }
        }
    }

    /// @dev Asks the extension only if all three filters let the selector through, as one in 250 others does.
    function _isReserved(uint256 selector) private view returns (bool reserved) {
        uint256 may =
            (RESERVED_0 >> (selector >> 24)) & (RESERVED_1 >> uint8(selector >> 16)) & (RESERVED_3 >> uint8(selector));
        if (may & 1 == 0) return false;
        address extension = EXTENSION;
        bytes4 question = IDispatcherExtension.isReserved.selector;
        assembly ("memory-safe") {
            mstore(0, question)
            mstore(4, shl(224, selector))
            // reserved unless the answer is no
            reserved := iszero(and(iszero(mload(0)), staticcall(gas(), extension, 0, 36, 0, 32)))
        }
    }

    /// @inheritdoc IDispatcherCore
    function stagingPage() external view {
        PageStore.answer();
    }

    // ---- activate ----

    /// @inheritdoc IDispatcherCore
    function activateCommittedRoot() external {
        requireRole(APPLY_BIT, APPLY);
        State s = store().state;
        bytes32 root = Lifecycle.pendingRoot(s);
        Lifecycle.activate(s, root, root);
    }
}
