// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IDispatcherCore, IDispatcherExtension} from "./IManifestDispatcher.sol";
import {Page} from "./lib/Page.sol";
import {PageStore} from "./lib/PageStore.sol";
import {State, StateLib} from "./lib/State.sol";
import {
    Store,
    store,
    requireRole,
    ACTIVATION_WINDOW,
    INIT_TYPEHASH_,
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
    /// @dev Bit x is set if the last byte of a reserved selector is x: rules most selectors out at once.
    uint256 private immutable RESERVED;

    /// @param extension_ The DispatcherExtension.
    /// @param delay_ Seconds between commit and eta, 1 to 365 days.
    /// @param admin The first holder of DEFAULT_ADMIN_ROLE, and of no other role.
    constructor(address extension_, uint256 delay_, address admin) {
        if (delay_ < MIN_DELAY || delay_ > MAX_DELAY) revert OutOfBounds(delay_, MIN_DELAY, MAX_DELAY);
        if (admin == address(0)) revert InvalidAdmin();
        if (extension_.code.length == 0) revert InvalidExtension(extension_);
        bytes4[] memory reserved = IDispatcherExtension(extension_).reservedSelectors();
        uint256 filter;
        for (uint256 i = 0; i < reserved.length; ++i) {
            filter |= 1 << uint8(uint32(reserved[i]));
        }
        EXTENSION = extension_;
        DELAY = delay_;
        RESERVED = filter;

        Store storage $ = store();
        $.state = State.wrap(0).withLimit(50);
        $.etaGrace = 60;
        // not zero, so that the first two commits cost what all others cost; never shown
        $.roots = [bytes32(type(uint256).max), bytes32(type(uint256).max)];
        $.roles[admin] = DEFAULT_ADMIN_BIT;
        emit IAccessControl.RoleGranted(DEFAULT_ADMIN, admin, msg.sender);
    }

    // ---- routing ----

    fallback() external payable {
        _route();
    }

    /// @dev A plain transfer is routed as the selector 0x00000000.
    receive() external payable {
        _route();
    }

    function _route() private {
        uint256 selector = uint32(msg.sig);
        State s = store().state;
        (address facet, bytes32 want) = _find(s, selector);
        if (facet == address(0)) _delegate(EXTENSION);
        if (s.paused()) revert DispatcherPaused();
        bytes32 got = facet.codehash;
        if (got != want) revert CodehashMismatch(msg.sig, want, got);
        _delegate(facet);
    }

    function _find(State s, uint256 selector) private view returns (address facet, bytes32 codeHash) {
        address page = s.table();
        uint256 pages = s.pages();
        if (pages > 1) {
            uint256 index = selector % pages;
            if (index != 0) page = PageStore.sibling(page, index);
        }
        return Page.lookup(page, selector);
    }

    function _delegate(address target) private {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, 0, calldatasize())
            let ok := delegatecall(gas(), target, buffer, calldatasize(), 0, 0)
            returndatacopy(buffer, 0, returndatasize())
            if ok { return(buffer, returndatasize()) }
            revert(buffer, returndatasize())
        }
    }

    // ---- commit ----

    /// @inheritdoc IDispatcherCore
    function commitRoot(bytes32 root, uint64 epoch) external {
        requireRole(COMMIT_BIT, COMMIT);
        Store storage $ = store();
        State s = $.state;
        uint256 next = s.epoch() + 1;
        if (root == 0) revert ZeroRoot();
        if (epoch != next) revert WrongEpoch(epoch, next);
        uint256 eta = s.eta();
        if (eta != 0 && block.timestamp <= eta + ACTIVATION_WINDOW && $.roots[next & 1] == root) {
            revert AlreadyPending(root);
        }
        eta = block.timestamp + DELAY;
        $.roots[next & 1] = root;
        $.state = s.withPending(eta);
        emit Committed(root, epoch, eta);
    }

    // ---- apply ----

    /// @inheritdoc IDispatcherCore
    function applyRoutes(bytes calldata page, bytes32[] calldata proof, bytes32 initHash) external {
        requireRole(APPLY_BIT, APPLY);
        State s = store().state;
        bytes32 root = _pendingRoot(s);
        bytes32 routesRoot = MerkleProof.processProofCalldata(proof, keccak256(bytes.concat(keccak256(page))));
        if ((initHash == 0 ? routesRoot : _rootOf(routesRoot, initHash)) != root) revert InvalidProof(root);

        uint256 count = _checkPage(page, s.pendingLimit());

        uint256 index = uint8(page[2]);
        if (PageStore.addressOf(routesRoot, index).code.length != 0) revert PageAlreadyStaged(routesRoot, index);
        if (PageStore.create(routesRoot, index, page) == address(0)) revert PageNotStored(routesRoot, index);
        emit RoutesApplied(root, count);
    }

    /// @dev Checks all that makes bytes a page, and its facets' live code; emits its routes.
    function _checkPage(bytes memory page, uint256 limit) private returns (uint256 n) {
        if (page.length < Page.HEADER || page[0] != 0) revert MalformedPage();
        n = page.routes();
        if (n == 0 || n > Page.MAX_ROUTES) revert MalformedPage();
        if (n > limit) revert PageTooLarge(n, limit);
        uint256 offset = Page.facetsOffset(n);
        if (page.length <= offset || (page.length - offset) % Page.FACET != 0) revert MalformedPage();
        uint256 used = _checkRoutes(page, n);
        _checkFacets(page, used);
    }

    function _checkRoutes(bytes memory page, uint256 n) private returns (uint256 used) {
        uint256 pages = page.pages();
        uint256 index = uint8(page[2]);
        if (index >= pages) revert MalformedPage();
        uint256 m = page.facetCount();
        uint256 seed = uint8(page[4]);
        bytes memory displacements = new bytes(Page.buckets(n));
        for (uint256 i = 0; i < displacements.length; ++i) {
            displacements[i] = page[Page.HEADER + i];
        }
        for (uint256 i = 0; i < n; ++i) {
            (bytes4 selector, uint256 f) = page.route(i);
            if (f >= m) revert MalformedPage();
            if (uint32(selector) % pages != index) revert WrongPage(selector, index);
            if (Page.position(uint32(selector), n, seed, displacements) != i) revert MisplacedSelector(selector);
            if (_isReserved(selector)) revert SelectorReserved(selector);
            used |= 1 << f;
            (address facet,) = page.facet(f);
            emit SelectorRouted(selector, facet);
        }
    }

    function _checkFacets(bytes memory page, uint256 used) private view {
        uint256 m = page.facetCount();
        // m <= n <= 100, since each facet is used
        if (m > Page.MAX_ROUTES || used != (1 << m) - 1) revert MalformedPage();
        address last;
        for (uint256 f = 0; f < m; ++f) {
            (address facet, bytes32 want) = page.facet(f);
            if (facet <= last) revert MalformedPage();
            last = facet;
            _requireCode(facet);
            if (facet.codehash != want) revert CodehashMismatch(page.firstSelector(f), want, facet.codehash);
        }
    }

    function _isReserved(bytes4 selector) private view returns (bool) {
        if ((RESERVED >> uint8(uint32(selector))) & 1 == 0) return false;
        return IDispatcherExtension(EXTENSION).isReserved(selector);
    }

    /// @dev Code that begins with 0xef is an EIP-7702 delegation, which its owner can change; with 0x00, a page.
    function _requireCode(address account) private view {
        if (account.code.length == 0) revert CodeMissing(account);
        uint256 first;
        assembly ("memory-safe") {
            extcodecopy(account, 0, 0, 1)
            first := byte(0, mload(0))
        }
        if (account == address(this) || first == 0xef || first == 0) revert CodeForbidden(account);
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
        bytes32 root = _pendingRoot(s);
        _activate(s, root, root);
    }

    /// @inheritdoc IDispatcherCore
    function activateCommittedRootAndCall(bytes32 routesRoot, address init, bytes calldata data) external {
        requireRole(APPLY_BIT, APPLY);
        Store storage $ = store();
        State s = $.state;
        bytes32 root = _pendingRoot(s);
        bytes32 initHash = keccak256(abi.encode(init, init.codehash, keccak256(data)));
        if (_rootOf(routesRoot, initHash) != root) revert InitMismatch(root);
        if ($.initialized[root] != 0) revert InitAlreadyRun(root);
        _requireCode(init);
        $.initialized[root] = routesRoot;
        _activate(s, root, routesRoot);
        emit InitCalled(root, routesRoot, init);
        (bool ok, bytes memory result) = init.delegatecall(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    function _activate(State s, bytes32 root, bytes32 routesRoot) private {
        uint256 eta = s.eta();
        if (block.timestamp < eta) revert ActivationNotReady(eta, block.timestamp);
        address first = PageStore.addressOf(routesRoot, 0);
        uint256 pages = _checkStaged(first, routesRoot, 0, 0);
        for (uint256 i = 1; i < pages; ++i) {
            _checkStaged(PageStore.sibling(first, i), routesRoot, i, pages);
        }
        store().state = s.activated(first, pages);
        emit Activated(root, s.epoch() + 1);
    }

    /// @dev A page must be there, agree on the number of pages, and its facets' code must still be the pinned one.
    function _checkStaged(address stored, bytes32 routesRoot, uint256 index, uint256 wantPages)
        private
        view
        returns (uint256 pages)
    {
        bytes memory page = stored.code;
        if (page.length == 0) revert PageMissing(routesRoot, index);
        pages = page.pages();
        if (index != 0 && pages != wantPages) revert MalformedPage();
        uint256 m = page.facetCount();
        for (uint256 f = 0; f < m; ++f) {
            (address facet, bytes32 want) = page.facet(f);
            if (facet.codehash != want) revert CodehashMismatch(page.firstSelector(f), want, facet.codehash);
        }
    }

    function _pendingRoot(State s) private view returns (bytes32) {
        uint256 eta = s.eta();
        if (eta == 0) revert NothingPending();
        uint256 deadline = eta + ACTIVATION_WINDOW;
        if (block.timestamp > deadline) revert ManifestExpired(deadline, block.timestamp);
        return store().roots[(s.epoch() + 1) & 1];
    }

    function _rootOf(bytes32 routesRoot, bytes32 initHash) private pure returns (bytes32) {
        return keccak256(abi.encode(INIT_TYPEHASH_, routesRoot, initHash));
    }

    /// @inheritdoc IDispatcherCore
    function delay() external view returns (uint256) {
        return DELAY;
    }
}
