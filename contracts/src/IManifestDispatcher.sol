// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

interface IDispatcherEvents {
    /// @notice A root was committed. It can be activated from `eta` (seconds, block time) on, for 14 days.
    event Committed(bytes32 indexed root, uint256 indexed epoch, uint256 eta);
    /// @notice One page with `count` routes was staged for the pending root. Staged routes are not callable.
    event RoutesApplied(bytes32 indexed root, uint256 count);
    /// @notice A route was staged; it is live only after `Activated`.
    event SelectorRouted(bytes4 indexed selector, address indexed facet);
    /// @notice All routes of `root` are live and no others.
    event Activated(bytes32 indexed root, uint256 indexed epoch);
    /// @notice The activated root named an init call: its routes are those of `routesRoot`, and `init` was run.
    event InitCalled(bytes32 indexed root, bytes32 indexed routesRoot, address indexed init);
    /// @notice The pending root was taken back.
    event Cancelled(bytes32 indexed root, uint256 indexed epoch, address indexed by);
    /// @notice Routed calls were stopped or resumed.
    event PausedSet(bool paused, address indexed by);
    /// @notice The network's clock tolerance in seconds changed.
    event EtaGraceUpdated(uint32 etaGrace);
    /// @notice The number of routes that a page of a later commitment may hold changed.
    event MaxBatchSizeUpdated(uint32 maxBatchSize);
}

interface IDispatcherErrors {
    /// @notice The live code of the facet of `selector` is not the pinned one.
    error CodehashMismatch(bytes4 selector, bytes32 want, bytes32 got);
    /// @notice The timelock is still running: `current` block time is before `eta`.
    error ActivationNotReady(uint256 eta, uint256 current);
    /// @notice The commitment could be used until `deadline`, which has passed.
    error ManifestExpired(uint256 deadline, uint256 current);
    /// @notice There is no committed root that waits for activation.
    error NothingPending();
    /// @notice The zero root is never a manifest.
    error ZeroRoot();
    /// @notice `root` is already pending; committing it again would restart its clock.
    error AlreadyPending(bytes32 root);
    /// @notice The epoch must be the active epoch plus one.
    error WrongEpoch(uint256 got, uint256 want);
    /// @notice Page, proof and init hash do not lead to the pending root.
    error InvalidProof(bytes32 pendingRoot);
    /// @notice The bytes are not a page: see docs/reference/page-format.md.
    error MalformedPage();
    /// @notice The page holds more routes than the limit in force when its root was committed.
    error PageTooLarge(uint256 routes, uint256 limit);
    /// @notice The selector belongs on another page.
    error WrongPage(bytes4 selector, uint256 page);
    /// @notice The page's perfect hash does not lead to this selector.
    error MisplacedSelector(bytes4 selector);
    /// @notice The selector is one of the dispatcher's own.
    error SelectorReserved(bytes4 selector);
    /// @notice The page is staged already.
    error PageAlreadyStaged(bytes32 routesRoot, uint256 page);
    /// @notice The page's bytes could not be stored as code.
    error PageNotStored(bytes32 routesRoot, uint256 page);
    /// @notice The page has not been staged.
    error PageMissing(bytes32 routesRoot, uint256 page);
    /// @notice A facet or init must have code.
    error CodeMissing(address account);
    /// @notice A facet or init may be neither this contract nor code that begins with 0xef or 0x00.
    error CodeForbidden(address account);
    /// @notice The init call is not the one that the pending root names.
    error InitMismatch(bytes32 pendingRoot);
    /// @notice The init call of `root` ran in an earlier epoch; commit its routesRoot to return to its routes.
    error InitAlreadyRun(bytes32 root);
    /// @notice No route and no function of the dispatcher has this selector.
    error UnknownSelector(bytes4 selector);
    /// @notice Routed calls are stopped.
    error DispatcherPaused();
    /// @notice The dispatcher is in that state already.
    error PauseUnchanged(bool paused);
    /// @notice A setting is outside its bounds.
    error OutOfBounds(uint256 value, uint256 min, uint256 max);
    /// @notice The role is not one of the six roles of the dispatcher.
    error UnknownRole(bytes32 role);
    /// @notice The extension given to the constructor is not one.
    error InvalidExtension(address extension);
    /// @notice The first admin must not be the zero address.
    error InvalidAdmin();
}

interface IDispatcherCore is IDispatcherEvents, IDispatcherErrors {
    /// @notice Commits a root; its timelock begins now. Replaces another pending root.
    /// @dev COMMIT_ROLE. An expired commitment counts as gone, so its root may be committed again.
    /// @param root routesRoot, or with an init call keccak256(abi.encode(INIT_TYPEHASH, routesRoot, initHash)).
    /// @param epoch The active epoch plus one.
    function commitRoot(bytes32 root, uint64 epoch) external;

    /// @notice Stages one page of the pending root. Any order, each page once.
    /// @dev APPLY_ROLE.
    /// @param page The page's bytes.
    /// @param proof OpenZeppelin sorted-pair Merkle proof of keccak256(bytes.concat(keccak256(page))).
    /// @param initHash keccak256(abi.encode(init, init.codehash, keccak256(data))), or zero without an init call.
    function applyRoutes(bytes calldata page, bytes32[] calldata proof, bytes32 initHash) external;

    /// @notice Makes all routes of the pending root live and all others vanish.
    /// @dev APPLY_ROLE, from eta until 14 days after it.
    function activateCommittedRoot() external;

    /// @notice The bytes of the page that is being staged, unencoded; empty at any other time.
    /// @dev Asked by the init code of a page while the dispatcher creates it.
    function stagingPage() external view;
}

interface IDispatcherExtension is IDispatcherEvents, IDispatcherErrors {
    /// @notice Everything a watcher needs, read at one block.
    struct DispatcherState {
        bytes32 activeRoot;
        bytes32 activeRoutesRoot;
        uint256 activeEpoch;
        uint256 activePages;
        bytes32 pendingRoot;
        uint256 pendingEpoch;
        uint256 eta;
        uint256 pendingBatchSize;
        bool paused;
        uint256 etaGrace;
        uint256 maxBatchSize;
        uint256 delay;
        address extension;
    }

    /// @notice As `activateCommittedRoot`, for a root with an init call, which then runs by delegatecall.
    /// @dev APPLY_ROLE. The code hash of `init` is part of the root.
    function activateCommittedRootAndCall(bytes32 routesRoot, address init, bytes calldata data) external;

    /// @notice Takes the pending root back. EMERGENCY_ROLE, at any time before activation.
    function cancelCommit() external;
    /// @notice Stops routed calls and nothing else. PAUSER_ROLE or EMERGENCY_ROLE.
    function pause() external;
    /// @notice Resumes routed calls. EMERGENCY_ROLE.
    function unpause() external;
    /// @notice Sets the network's clock tolerance, 30 to 300 seconds. GOVERNANCE_ROLE. Never shortens the delay.
    function setEtaGrace(uint32 newEtaGrace) external;
    /// @notice Sets how many routes a page may hold, 10 to 100, for later commitments. GOVERNANCE_ROLE.
    function setMaxBatchSize(uint32 newMaxBatchSize) external;

    /// @notice The root of the live manifest, zero before the first activation.
    function activeRoot() external view returns (bytes32);
    /// @notice The Merkle root over the pages of the live manifest.
    function activeRoutesRoot() external view returns (bytes32);
    /// @notice How many manifests were activated.
    function activeEpoch() external view returns (uint64);
    /// @notice The committed root that waits for activation, zero if none.
    function pendingRoot() external view returns (bytes32);
    /// @notice The epoch of the pending root, zero if none.
    function pendingEpoch() external view returns (uint64);
    /// @notice The block time from which the pending root can be activated, zero if none.
    function pendingEta() external view returns (uint256);
    /// @notice The batch limit that holds for the pending root, zero if none.
    function pendingBatchSize() external view returns (uint32);
    /// @notice Whether routed calls are stopped.
    function paused() external view returns (bool);
    /// @notice The network's clock tolerance in seconds.
    function etaGrace() external view returns (uint32);
    /// @notice How many routes a page of a later commitment may hold.
    function maxBatchSize() external view returns (uint32);
    /// @notice The routesRoot of a root whose init call was run, which then never runs again; zero for any other root.
    function initializedRoutesRoot(bytes32 root) external view returns (bytes32);
    /// @notice The extension that answers this call.
    function extension() external view returns (address);
    /// @notice All of the above at once.
    function dispatcherState() external view returns (DispatcherState memory);
    /// @notice Where a page is stored, whether or not it is there yet.
    function pageAddress(bytes32 routesRoot, uint256 index) external view returns (address);
    /// @notice Which pages of a routesRoot are staged. `total` is zero while none is, since only a page tells it.
    function stagedPages(bytes32 routesRoot)
        external
        view
        returns (uint256 total, uint256[] memory staged, uint256[] memory missing);
    /// @notice Whether the selector is one of the dispatcher's own, which no route may use.
    function isReserved(bytes4 selector) external view returns (bool);
    /// @notice All selectors that no route may use.
    function reservedSelectors() external view returns (bytes4[] memory);

    /// @notice 0x00, as in OpenZeppelin's AccessControl; the admin of every role.
    function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
    /// @notice keccak256("GOVERNANCE_ROLE"): settings.
    function GOVERNANCE_ROLE() external view returns (bytes32);
    /// @notice keccak256("COMMIT_ROLE"): commits roots.
    function COMMIT_ROLE() external view returns (bytes32);
    /// @notice keccak256("APPLY_ROLE"): stages pages and activates.
    function APPLY_ROLE() external view returns (bytes32);
    /// @notice keccak256("PAUSER_ROLE"): pauses.
    function PAUSER_ROLE() external view returns (bytes32);
    /// @notice keccak256("EMERGENCY_ROLE"): cancels, pauses, unpauses.
    function EMERGENCY_ROLE() external view returns (bytes32);
    /// @notice keccak256("Manifest(bytes32 routesRoot,bytes32 initHash)"): keeps roots with an init call apart.
    function INIT_TYPEHASH() external view returns (bytes32);
}

/// @notice EIP-2535 loupe. The dispatcher is loupe-compatible; it is not a full EIP-2535 diamond, having no diamondCut.
interface IDiamondLoupe {
    struct Facet {
        address facetAddress;
        bytes4[] functionSelectors;
    }

    /// @notice All facets of the live manifest with their selectors.
    function facets() external view returns (Facet[] memory facets_);
    /// @notice The selectors of the live manifest that `facet` answers.
    function facetFunctionSelectors(address facet) external view returns (bytes4[] memory selectors);
    /// @notice The facets of the live manifest.
    function facetAddresses() external view returns (address[] memory addresses);
    /// @notice The facet that answers `selector`, zero if none.
    function facetAddress(bytes4 selector) external view returns (address facet);
}

/// @title The ABI of the ManifestDispatcher
/// @notice A proxy whose routes (selector to facet) come from a manifest: its root is committed, its pages are applied
/// with Merkle proofs while a timelock runs, and it becomes live as a whole after it.
/// @dev The functions of `IDispatcherCore` are answered by the dispatcher itself, the others by the extension that it
/// delegates to when no route matches.
interface IManifestDispatcher is IDispatcherCore, IDispatcherExtension, IDiamondLoupe, IAccessControl, IERC165 {
    /// @notice Seconds between commit and eta.
    function delay() external view returns (uint256);
}
