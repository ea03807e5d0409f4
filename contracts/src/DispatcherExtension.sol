// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IDiamondLoupe, IDispatcherCore, IDispatcherExtension, IManifestDispatcher} from "./IManifestDispatcher.sol";
import {Lifecycle} from "./lib/Lifecycle.sol";
import {Page} from "./lib/Page.sol";
import {PageStore} from "./lib/PageStore.sol";
import {State} from "./lib/State.sol";
import {
    Store,
    store,
    requireRole,
    INIT_TYPEHASH_,
    APPLY,
    APPLY_BIT,
    COMMIT,
    COMMIT_BIT,
    DEFAULT_ADMIN,
    DEFAULT_ADMIN_BIT,
    EMERGENCY,
    EMERGENCY_BIT,
    GOVERNANCE,
    GOVERNANCE_BIT,
    PAUSER,
    PAUSER_BIT
} from "./lib/Store.sol";

/// @title DispatcherExtension
/// @notice What the dispatcher answers besides routing, commit, apply and activate: pause, cancel, settings, roles,
/// views and the loupe. It runs by delegatecall from the dispatcher, on the dispatcher's storage.
/// @dev Called directly it acts on its own empty storage, in which nobody holds a role.
contract DispatcherExtension is IDispatcherExtension, IDiamondLoupe, IAccessControl, IERC165 {
    using Page for bytes;

    uint256 private constant MAX_PAGES = 255;

    address private immutable SELF = address(this);

    // ---- pause and cancel ----

    /// @inheritdoc IDispatcherExtension
    function cancelCommit() external {
        requireRole(EMERGENCY_BIT, EMERGENCY);
        Store storage $ = store();
        State s = $.state;
        if (s.eta() == 0) revert NothingPending();
        uint256 epoch = s.epoch() + 1;
        $.state = s.withoutPending();
        emit Cancelled($.roots[epoch & 1], epoch, msg.sender);
    }

    /// @inheritdoc IDispatcherExtension
    function pause() external {
        requireRole(PAUSER_BIT | EMERGENCY_BIT, PAUSER);
        _setPaused(true);
    }

    /// @inheritdoc IDispatcherExtension
    function unpause() external {
        requireRole(EMERGENCY_BIT, EMERGENCY);
        _setPaused(false);
    }

    function _setPaused(bool value) private {
        Store storage $ = store();
        State s = $.state;
        if (s.paused() == value) revert PauseUnchanged(value);
        $.state = s.withPaused(value);
        emit PausedSet(value, msg.sender);
    }

    // ---- activate with an init call ----

    /// @inheritdoc IDispatcherExtension
    function activateCommittedRootAndCall(bytes32 routesRoot, address init, bytes calldata data) external {
        requireRole(APPLY_BIT, APPLY);
        Store storage $ = store();
        State s = $.state;
        bytes32 root = Lifecycle.pendingRoot(s);
        bytes32 initHash = keccak256(abi.encode(init, init.codehash, keccak256(data)));
        if (Lifecycle.rootOf(routesRoot, initHash) != root) revert InitMismatch(root);
        if ($.initialized[root] != 0) revert InitAlreadyRun(root);
        Lifecycle.requireCode(init);
        $.initialized[root] = routesRoot;
        Lifecycle.activate(s, root, routesRoot);
        emit InitCalled(root, routesRoot, init);
        (bool ok, bytes memory result) = init.delegatecall(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 0x20), mload(result))
            }
        }
    }

    // ---- settings ----

    /// @inheritdoc IDispatcherExtension
    function setEtaGrace(uint32 newEtaGrace) external {
        requireRole(GOVERNANCE_BIT, GOVERNANCE);
        if (newEtaGrace < 30 || newEtaGrace > 300) revert OutOfBounds(newEtaGrace, 30, 300);
        store().etaGrace = newEtaGrace;
        emit EtaGraceUpdated(newEtaGrace);
    }

    /// @inheritdoc IDispatcherExtension
    function setMaxBatchSize(uint32 newMaxBatchSize) external {
        requireRole(GOVERNANCE_BIT, GOVERNANCE);
        if (newMaxBatchSize < 10 || newMaxBatchSize > Page.MAX_ROUTES) {
            revert OutOfBounds(newMaxBatchSize, 10, Page.MAX_ROUTES);
        }
        Store storage $ = store();
        $.state = $.state.withLimit(newMaxBatchSize);
        emit MaxBatchSizeUpdated(newMaxBatchSize);
    }

    // ---- state ----

    /// @inheritdoc IDispatcherExtension
    function dispatcherState() external view returns (DispatcherState memory) {
        return DispatcherState({
            activeRoot: activeRoot(),
            activeRoutesRoot: activeRoutesRoot(),
            activeEpoch: activeEpoch(),
            activePages: store().state.pages(),
            pendingRoot: pendingRoot(),
            pendingEpoch: pendingEpoch(),
            eta: pendingEta(),
            pendingBatchSize: pendingBatchSize(),
            paused: paused(),
            etaGrace: etaGrace(),
            maxBatchSize: maxBatchSize(),
            delay: IManifestDispatcher(address(this)).delay(),
            extension: extension()
        });
    }

    /// @inheritdoc IDispatcherExtension
    function activeRoot() public view returns (bytes32) {
        uint256 epoch = store().state.epoch();
        return epoch == 0 ? bytes32(0) : store().roots[epoch & 1];
    }

    /// @inheritdoc IDispatcherExtension
    function activeRoutesRoot() public view returns (bytes32) {
        bytes32 root = activeRoot();
        bytes32 routesRoot = store().initialized[root];
        return routesRoot == 0 ? root : routesRoot;
    }

    /// @inheritdoc IDispatcherExtension
    function activeEpoch() public view returns (uint64) {
        return uint64(store().state.epoch());
    }

    /// @inheritdoc IDispatcherExtension
    function pendingRoot() public view returns (bytes32) {
        State s = store().state;
        return s.eta() == 0 ? bytes32(0) : store().roots[(s.epoch() + 1) & 1];
    }

    /// @inheritdoc IDispatcherExtension
    function pendingEpoch() public view returns (uint64) {
        State s = store().state;
        return s.eta() == 0 ? 0 : uint64(s.epoch() + 1);
    }

    /// @inheritdoc IDispatcherExtension
    function pendingEta() public view returns (uint256) {
        return store().state.eta();
    }

    /// @inheritdoc IDispatcherExtension
    function pendingBatchSize() public view returns (uint32) {
        return uint32(store().state.pendingLimit());
    }

    /// @inheritdoc IDispatcherExtension
    function paused() public view returns (bool) {
        return store().state.paused();
    }

    /// @inheritdoc IDispatcherExtension
    function etaGrace() public view returns (uint32) {
        return store().etaGrace;
    }

    /// @inheritdoc IDispatcherExtension
    function maxBatchSize() public view returns (uint32) {
        return uint32(store().state.limit());
    }

    /// @inheritdoc IDispatcherExtension
    function initializedRoutesRoot(bytes32 root) external view returns (bytes32) {
        return store().initialized[root];
    }

    /// @inheritdoc IDispatcherExtension
    function extension() public view returns (address) {
        return SELF;
    }

    /// @inheritdoc IDispatcherExtension
    function pageAddress(bytes32 routesRoot, uint256 index) external view returns (address) {
        if (index >= MAX_PAGES) revert OutOfBounds(index, 0, MAX_PAGES - 1);
        return PageStore.addressOf(routesRoot, index);
    }

    /// @inheritdoc IDispatcherExtension
    function stagedPages(bytes32 routesRoot)
        external
        view
        returns (uint256 total, uint256[] memory staged, uint256[] memory missing)
    {
        for (uint256 i = 0; i < MAX_PAGES && total == 0; ++i) {
            bytes memory page = PageStore.addressOf(routesRoot, i).code;
            if (page.length != 0) total = Page.pages(Page.word(page.start()));
        }
        uint256 have;
        staged = new uint256[](total);
        missing = new uint256[](total);
        for (uint256 i = 0; i < total; ++i) {
            if (PageStore.addressOf(routesRoot, i).code.length != 0) staged[have++] = i;
            else missing[i - have] = i;
        }
        assembly ("memory-safe") {
            mstore(staged, have)
            mstore(missing, sub(total, have))
        }
    }

    // ---- roles ----

    /// @inheritdoc IDispatcherExtension
    bytes32 public constant DEFAULT_ADMIN_ROLE = DEFAULT_ADMIN;
    /// @inheritdoc IDispatcherExtension
    bytes32 public constant GOVERNANCE_ROLE = GOVERNANCE;
    /// @inheritdoc IDispatcherExtension
    bytes32 public constant COMMIT_ROLE = COMMIT;
    /// @inheritdoc IDispatcherExtension
    bytes32 public constant APPLY_ROLE = APPLY;
    /// @inheritdoc IDispatcherExtension
    bytes32 public constant PAUSER_ROLE = PAUSER;
    /// @inheritdoc IDispatcherExtension
    bytes32 public constant EMERGENCY_ROLE = EMERGENCY;
    /// @inheritdoc IDispatcherExtension
    bytes32 public constant INIT_TYPEHASH = INIT_TYPEHASH_;

    /// @inheritdoc IAccessControl
    function hasRole(bytes32 role, address account) external view returns (bool) {
        return store().roles[account] & _roleBit(role) != 0;
    }

    /// @inheritdoc IAccessControl
    function getRoleAdmin(bytes32) external pure returns (bytes32) {
        return DEFAULT_ADMIN;
    }

    /// @inheritdoc IAccessControl
    function grantRole(bytes32 role, address account) external {
        requireRole(DEFAULT_ADMIN_BIT, DEFAULT_ADMIN);
        uint256 bit = _knownRoleBit(role);
        Store storage $ = store();
        if ($.roles[account] & bit == 0) {
            $.roles[account] |= bit;
            emit RoleGranted(role, account, msg.sender);
        }
    }

    /// @inheritdoc IAccessControl
    function revokeRole(bytes32 role, address account) external {
        requireRole(DEFAULT_ADMIN_BIT, DEFAULT_ADMIN);
        _revoke(role, account);
    }

    /// @inheritdoc IAccessControl
    function renounceRole(bytes32 role, address callerConfirmation) external {
        if (callerConfirmation != msg.sender) revert AccessControlBadConfirmation();
        _revoke(role, callerConfirmation);
    }

    function _revoke(bytes32 role, address account) private {
        uint256 bit = _knownRoleBit(role);
        Store storage $ = store();
        if ($.roles[account] & bit != 0) {
            $.roles[account] &= ~bit;
            emit RoleRevoked(role, account, msg.sender);
        }
    }

    function _knownRoleBit(bytes32 role) private pure returns (uint256 bit) {
        bit = _roleBit(role);
        if (bit == 0) revert UnknownRole(role);
    }

    function _roleBit(bytes32 role) private pure returns (uint256) {
        if (role == DEFAULT_ADMIN) return DEFAULT_ADMIN_BIT;
        if (role == GOVERNANCE) return GOVERNANCE_BIT;
        if (role == COMMIT) return COMMIT_BIT;
        if (role == APPLY) return APPLY_BIT;
        if (role == PAUSER) return PAUSER_BIT;
        if (role == EMERGENCY) return EMERGENCY_BIT;
        return 0;
    }

    // ---- loupe and ERC-165 ----

    /// @inheritdoc IDiamondLoupe
    function facets() external view returns (Facet[] memory facets_) {
        bytes[] memory pages = _livePages();
        address[] memory addresses = _facetAddresses(pages);
        facets_ = new Facet[](addresses.length);
        for (uint256 i = 0; i < addresses.length; ++i) {
            facets_[i] = Facet(addresses[i], _facetSelectors(pages, addresses[i]));
        }
    }

    /// @inheritdoc IDiamondLoupe
    function facetFunctionSelectors(address facet) external view returns (bytes4[] memory) {
        return _facetSelectors(_livePages(), facet);
    }

    function _facetSelectors(bytes[] memory pages, address facet) private pure returns (bytes4[] memory selectors) {
        selectors = new bytes4[](_routeCount(pages));
        uint256 count;
        for (uint256 i = 0; i < pages.length; ++i) {
            uint256 start = pages[i].start();
            uint256 n = Page.routes(Page.word(start));
            uint256 facetsStart = start + Page.facetsOffset(n);
            for (uint256 p = start + Page.entriesOffset(n); p < facetsStart; p += Page.ENTRY) {
                uint256 entry = Page.word(p);
                uint256 account = Page.word(facetsStart + uint8(entry >> 216) * Page.FACET) >> 96;
                if (account == uint160(facet)) selectors[count++] = bytes4(bytes32(entry));
            }
        }
        assembly ("memory-safe") {
            mstore(selectors, count)
            mstore(0x40, add(selectors, mul(add(count, 1), 0x20)))
        }
    }

    /// @inheritdoc IDiamondLoupe
    function facetAddresses() external view returns (address[] memory) {
        return _facetAddresses(_livePages());
    }

    function _facetAddresses(bytes[] memory pages) private pure returns (address[] memory addresses) {
        addresses = new address[](_routeCount(pages));
        uint256 count;
        for (uint256 i = 0; i < pages.length; ++i) {
            uint256 start = pages[i].start();
            uint256 p = start + Page.facetsOffset(Page.routes(Page.word(start)));
            for (; p < start + pages[i].length; p += Page.FACET) {
                address account = address(uint160(Page.word(p) >> 96));
                uint256 known;
                while (known < count && addresses[known] != account) ++known;
                if (known == count) addresses[count++] = account;
            }
        }
        assembly ("memory-safe") {
            mstore(addresses, count)
        }
    }

    /// @inheritdoc IDiamondLoupe
    function facetAddress(bytes4 selector) external view returns (address facet) {
        State s = store().state;
        uint256 pages = s.pages();
        if (pages == 0) return address(0);
        uint256 index = uint32(selector) % pages;
        address page = index == 0 ? s.table() : PageStore.sibling(s.table(), index);
        (facet,) = Page.lookup(Page.read(page), uint32(selector));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IDiamondLoupe).interfaceId
            || interfaceId == type(IAccessControl).interfaceId;
    }

    function _livePages() private view returns (bytes[] memory pages) {
        State s = store().state;
        pages = new bytes[](s.pages());
        for (uint256 i = 0; i < pages.length; ++i) {
            pages[i] = (i == 0 ? s.table() : PageStore.sibling(s.table(), i)).code;
        }
    }

    function _routeCount(bytes[] memory pages) private pure returns (uint256 count) {
        for (uint256 i = 0; i < pages.length; ++i) {
            count += Page.routes(Page.word(pages[i].start()));
        }
    }

    // ---- reserved selectors ----

    /// @inheritdoc IDispatcherExtension
    function isReserved(bytes4 selector) external pure returns (bool) {
        bytes memory all = _reserved();
        unchecked {
            for (uint256 i = 0; i < all.length; i += 4) {
                if (Page.word(Page.start(all) + i) >> 224 == uint32(selector)) return true;
            }
        }
        return false;
    }

    /// @inheritdoc IDispatcherExtension
    function reservedSelectors() external pure returns (bytes4[] memory list) {
        bytes memory all = _reserved();
        list = new bytes4[](all.length / 4);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = bytes4(bytes32(Page.word(Page.start(all) + i * 4)));
        }
    }

    function _reserved() private pure returns (bytes memory) {
        return bytes.concat(
            _join(
                IDispatcherCore.commitRoot.selector,
                IDispatcherCore.applyRoutes.selector,
                IDispatcherCore.activateCommittedRoot.selector,
                IDispatcherExtension.activateCommittedRootAndCall.selector,
                IManifestDispatcher.delay.selector,
                IDispatcherCore.stagingPage.selector,
                IDispatcherExtension.cancelCommit.selector,
                IDispatcherExtension.pause.selector
            ),
            _join(
                IDispatcherExtension.unpause.selector,
                IDispatcherExtension.setEtaGrace.selector,
                IDispatcherExtension.setMaxBatchSize.selector,
                IDispatcherExtension.activeRoot.selector,
                IDispatcherExtension.activeRoutesRoot.selector,
                IDispatcherExtension.activeEpoch.selector,
                IDispatcherExtension.pendingRoot.selector,
                IDispatcherExtension.pendingEpoch.selector
            ),
            _join(
                IDispatcherExtension.pendingEta.selector,
                IDispatcherExtension.pendingBatchSize.selector,
                IDispatcherExtension.paused.selector,
                IDispatcherExtension.etaGrace.selector,
                IDispatcherExtension.maxBatchSize.selector,
                IDispatcherExtension.extension.selector,
                IDispatcherExtension.dispatcherState.selector,
                IDispatcherExtension.pageAddress.selector
            ),
            _join(
                IDispatcherExtension.stagedPages.selector,
                IDispatcherExtension.isReserved.selector,
                IDispatcherExtension.reservedSelectors.selector,
                IDispatcherExtension.DEFAULT_ADMIN_ROLE.selector,
                IDispatcherExtension.GOVERNANCE_ROLE.selector,
                IDispatcherExtension.COMMIT_ROLE.selector,
                IDispatcherExtension.APPLY_ROLE.selector,
                IDispatcherExtension.PAUSER_ROLE.selector
            ),
            _join(
                IDispatcherExtension.EMERGENCY_ROLE.selector,
                IDispatcherExtension.INIT_TYPEHASH.selector,
                IDispatcherExtension.initializedRoutesRoot.selector,
                IAccessControl.hasRole.selector,
                IAccessControl.getRoleAdmin.selector,
                IAccessControl.grantRole.selector,
                IAccessControl.revokeRole.selector,
                IAccessControl.renounceRole.selector
            ),
            bytes.concat(
                IERC165.supportsInterface.selector,
                IDiamondLoupe.facets.selector,
                IDiamondLoupe.facetFunctionSelectors.selector,
                IDiamondLoupe.facetAddresses.selector,
                IDiamondLoupe.facetAddress.selector
            )
        );
    }

    function _join(bytes4 a, bytes4 b, bytes4 c, bytes4 d, bytes4 e, bytes4 f, bytes4 g, bytes4 h)
        private
        pure
        returns (bytes32)
    {
        return a | bytes32(b) >> 32 | bytes32(c) >> 64 | bytes32(d) >> 96 | bytes32(e) >> 128 | bytes32(f) >> 160
            | bytes32(g) >> 192 | bytes32(h) >> 224;
    }

    /// @dev What neither a route nor a function answers ends here.
    fallback() external payable {
        revert UnknownSelector(msg.sig);
    }

    receive() external payable {
        revert UnknownSelector(0x00000000);
    }
}
