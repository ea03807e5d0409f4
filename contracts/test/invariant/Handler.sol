// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Route} from "../PageBuilder.sol";
import {Actor} from "./Actors.sol";
import {Model} from "./Model.sol";

/// @dev Acts on the dispatcher as anybody might, and holds each outcome against the model's. What it finds wrong it
/// keeps for the invariants instead of reverting, so that each rule is judged by itself.
contract Handler is Model {
    enum Kind {
        Commit,
        Apply,
        Activate,
        ActivateAndCall,
        Cancel,
        Pause,
        Unpause,
        SetGrace,
        SetLimit,
        Grant,
        Revoke,
        Renounce,
        Call
    }

    enum Rule {
        Outcome,
        Timelock,
        Consumed,
        Epoch,
        Init,
        Facet,
        LiveCode,
        Storage,
        Reentrancy,
        Atomicity,
        Shadow
    }

    /// @dev A call and what the model needs to follow it.
    struct Attempt {
        Kind kind;
        address actor;
        bytes data;
        Reasons reasons;
        bytes32 root;
        uint256 number;
        uint256 value;
        address account;
    }

    uint256 internal constant KINDS = 13;
    bytes32 private constant STORE = 0x0e8bee71e09165130d954e6b7283bf3843c0c17ff1bd7880a8700186be4ac500;

    /// @dev What was found wrong, by rule; empty while it holds.
    mapping(Rule => string) public broken;
    /// @dev Calls that succeeded and that were refused, by kind; then those from within another call.
    uint256[KINDS] public succeeded;
    uint256[KINDS] public refused;
    mapping(bytes4 err => uint256) public refusedWith;
    uint256 public succeededInside;
    uint256 public refusedInside;
    uint256 public initsRun;
    uint256 public rollbacks;

    uint256 private entropy;
    uint256 private depth;
    uint256 private lastInit;
    mapping(bytes32 root => uint256) private runsOf;
    mapping(bytes32 slot => bool) private mappingSlot;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < actors.length; ++i) {
            allowKey(bytes32(uint256(uint160(actors[i]))));
        }
        for (uint256 i = 0; i < roots.length; ++i) {
            allowKey(roots[i]);
        }
    }

    /// @dev The constructor too writes its own namespace only.
    function deploy() internal override {
        vm.record();
        super.deploy();
        allowKey(bytes32(uint256(uint160(actors[0]))));
        checkAccesses();
    }

    // ---- actions ----

    modifier acts(uint256 seed) {
        entropy = uint256(keccak256(abi.encode(seed, entropy)));
        vm.warp(time);
        _;
    }

    function commit(uint256 seed) external acts(seed) {
        attempt(planCommit(whoFor(COMMIT_ROLE)));
    }

    function applyPage(uint256 seed) external acts(seed) {
        attempt(planApply(whoFor(APPLY_ROLE)));
    }

    function applyAllPages(uint256 seed) external acts(seed) {
        stageAll();
    }

    function activate(uint256 seed) external acts(seed) {
        attempt(planActivate(whoFor(APPLY_ROLE)));
    }

    function cancel(uint256 seed) external acts(seed) {
        // less often than the rest, or nothing would live to see its eta
        if (chance(50)) attempt(plan(Kind.Cancel, whoFor(EMERGENCY_ROLE)));
    }

    function pause(uint256 seed) external acts(seed) {
        attempt(plan(Kind.Pause, whoFor(chance(50) ? PAUSER_ROLE : EMERGENCY_ROLE)));
    }

    function unpause(uint256 seed) external acts(seed) {
        attempt(plan(Kind.Unpause, whoFor(EMERGENCY_ROLE)));
    }

    function configure(uint256 seed) external acts(seed) {
        attempt(plan(chance(50) ? Kind.SetGrace : Kind.SetLimit, whoFor(GOVERNANCE_ROLE)));
    }

    function changeRoles(uint256 seed) external acts(seed) {
        uint256 which = pick(6);
        if (which < 4) attempt(plan(Kind.Grant, whoFor(ADMIN_ROLE)));
        else if (which == 4) attempt(plan(Kind.Revoke, whoFor(ADMIN_ROLE)));
        else attempt(plan(Kind.Renounce, actors[pick(ACTORS)]));
    }

    function call(uint256 seed) external acts(seed) {
        attempt(plan(Kind.Call, actors[pick(ACTORS)]));
    }

    function callBack(uint256 seed) external acts(seed) {
        (bool found,) = liveRoute(CALLBACK);
        if (!found && chance(50)) goLive(rootOf(GOOD_CASES - 2, 0));
        attempt(planCall(actors[pick(ACTORS)], CALLBACK));
    }

    function replaceCode(uint256 seed) external acts(seed) {
        replaceOne();
    }

    function replaceOne() private {
        uint256 i = pick(changeable.length);
        bytes[5] memory codes = [
            bytes(""),
            hex"fe",
            hex"00",
            abi.encodePacked(hex"ef0100", changeable[pick(changeable.length)]),
            changeableCode[pick(changeable.length)]
        ];
        vm.etch(changeable[i], codes[pick(5)]);
    }

    function restoreCode(uint256 seed) external acts(seed) {
        restoreAll();
    }

    /// @dev Seconds to twenty days; or to where an answer changes, a second before it or after it.
    function wait_(uint256 seed) external acts(seed) {
        if (pending.root != 0 && chance(75)) {
            uint256 edge = pending.since + DELAY + (chance(75) ? 0 : WINDOW) + pick(3) - 1;
            if (edge > time) pass(edge - time);
        } else {
            pass(chance(50) ? pick(DELAY) : pick(20 days));
        }
    }

    /// @dev A whole upgrade by those who may, or a return, so that long lives are seen.
    function upgrade(uint256 seed) external acts(seed) {
        goLive(rootOf(pick(GOOD_CASES), pick(GOOD_INITS)));
    }

    /// @dev The same with a manifest or an init that must not get through.
    function badUpgrade(uint256 seed) external acts(seed) {
        uint256 flawed = GOOD_CASES + pick(cases.length - GOOD_CASES);
        if (chance(60)) goLive(rootOf(flawed, 0));
        else goLive(rootOf(pick(GOOD_CASES), GOOD_INITS + pick(inits.length - GOOD_INITS)));
    }

    function goLive(bytes32 root) private {
        restoreAll();
        attempt(commitOf(actors[0], root, uint64(live.epoch + 1)));
        // for later commitments only
        if (chance(50)) attempt(plan(Kind.SetLimit, actors[0]));
        stageAll();
        pass(DELAY);
        if (chance(25)) {
            replaceOne();
            attempt(rightActivation(actors[0]));
            restoreAll();
        }
        if (chance(50)) attempt(planActivate(actors[0]));
        attempt(rightActivation(actors[0]));
    }

    // ---- within another call ----

    function initRuns(uint256 number) external {
        ++initsRun;
        lastInit = number;
    }

    function enter() external returns (bytes memory data, bytes memory encoded) {
        // nobody's turn: the call is not the handler's, or is within one that gave turns already
        if (depth != 1) return ("", "");
        judgeAtomicity();
        uint256 turns = pick(4);
        for (uint256 i = 0; i < turns; ++i) {
            attempt(planAny(actors[pick(ACTORS)]));
        }
        Attempt memory a = planAny(address(dispatcher));
        if (predicted(a)) settle(a);
        ++depth;
        return (a.data, abi.encode(a));
    }

    function ended(bytes calldata encoded, bool ok, bytes calldata result) external {
        --depth;
        judge(abi.decode(encoded, (Attempt)), ok, result);
    }

    /// @dev While an init runs, what was activated is live as a whole already.
    function judgeAtomicity() private {
        if (dispatcher.activeRoot() != live.root || dispatcher.activeRoutesRoot() != live.routesRoot) {
            note(Rule.Atomicity, "another root while init runs");
        }
        for (uint256 i = 0; i < selectors.length; ++i) {
            (, Route memory route_) = liveRoute(selectors[i]);
            if (dispatcher.facetAddress(selectors[i]) != route_.facet) note(Rule.Atomicity, "half while init runs");
        }
    }

    // ---- one call ----

    function attempt(Attempt memory a) private {
        if (depth == 0) vm.record();
        uint256 runs = initsRun;
        uint256 epoch = dispatcher.activeEpoch();
        Pending memory before = pending;
        // in advance, for those who act while the call runs
        if (predicted(a)) settle(a);
        ++depth;
        (bool ok, bytes memory result) = Actor(a.actor).call(address(dispatcher), a.data);
        --depth;
        judge(a, ok, result);
        if (ok && isActivation(a)) judgeActivation(a, before, initsRun - runs);
        judgeEpoch(epoch, ok && isActivation(a), a.kind == Kind.Call);
        if (depth == 0) checkAccesses();
    }

    function predicted(Attempt memory a) private pure returns (bool) {
        return a.reasons.count == 0;
    }

    function isActivation(Attempt memory a) private pure returns (bool) {
        return a.kind == Kind.Activate || a.kind == Kind.ActivateAndCall;
    }

    /// @dev Holds the outcome against the model's. If they differ the model follows what happened.
    function judge(Attempt memory a, bool ok, bytes memory result) private {
        if (ok != predicted(a)) {
            wrong(ok ? "a call must be refused" : "a call must succeed");
            if (ok) settle(a);
        } else if (!ok && !among(a.reasons, result)) {
            wrong("refused without a reason of the model's");
        }
        ++(ok ? succeeded : refused)[uint256(a.kind)];
        if (!ok) ++refusedWith[bytes4(result)];
        if (depth > 0) ok ? ++succeededInside : ++refusedInside;
        if (ok && a.kind == Kind.Call && a.account.codehash != a.root) {
            note(Rule.LiveCode, "a call ran other code than the pinned");
        }
        if (ok && a.kind == Kind.Call && (result.length < 32 || abi.decode(result, (uint256)) != a.value)) {
            wrong("another facet answers");
        }
    }

    function wrong(string memory what) private {
        note(Rule.Outcome, what);
        if (depth > 0) note(Rule.Reentrancy, what);
    }

    function note(Rule rule, string memory what) private {
        if (bytes(broken[rule]).length == 0) broken[rule] = what;
    }

    /// @dev An activation succeeded; `before` was pending, and `runs` init calls ran with it.
    function judgeActivation(Attempt memory a, Pending memory before, uint256 runs) private {
        if (before.root == 0) note(Rule.Consumed, "activated what is not pending");
        if (time < before.since + DELAY || time > before.since + DELAY + WINDOW) {
            note(Rule.Timelock, "activated outside its time");
        }
        Named memory name = named[before.root];
        bool withCall = a.kind == Kind.ActivateAndCall;
        if (runs != (name.init == 0 ? 0 : 1)) note(Rule.Init, "not run once");
        if (withCall != (name.init != 0)) note(Rule.Init, "skipped, or not named");
        if (withCall && (lastInit != name.init || a.value != name.init)) note(Rule.Init, "another than its root's");
        if (withCall && ++runsOf[before.root] > 1) note(Rule.Init, "run again");
        if (withCall && isForbidden(inits[a.value].init)) note(Rule.Facet, "an init without code of its own");
    }

    /// @dev Only a routed call can have activations within it.
    function judgeEpoch(uint256 before, bool activated, bool routed) private {
        uint256 epoch = dispatcher.activeEpoch();
        if (epoch < before) note(Rule.Epoch, "it fell");
        if (!routed && epoch != before + (activated ? 1 : 0)) note(Rule.Epoch, "not one for an activation");
        if (epoch != live.epoch) note(Rule.Epoch, "not the number of activations");
    }

    /// @dev What a call that succeeds does.
    function settle(Attempt memory a) private {
        Kind kind = a.kind;
        if (kind == Kind.Commit) {
            pending = Pending(a.root, time, limit);
        } else if (kind == Kind.Apply) {
            staged[cases[a.number].routesRoot][a.value] = true;
            judgePage(a);
        } else if (isActivation(a)) {
            bytes32 routesRoot = kind == Kind.Activate ? pending.root : a.root;
            if (kind == Kind.ActivateAndCall) initialized[pending.root] = routesRoot;
            Named memory name = named[routesRoot];
            if (everLive[name.number] && name.number != live.number) ++rollbacks;
            live = Live(pending.root, routesRoot, live.epoch + 1, name.known && name.init == 0, name.number);
            everLive[name.number] = true;
            delete pending;
        } else if (kind == Kind.Cancel) {
            delete pending;
        } else if (kind == Kind.Pause || kind == Kind.Unpause) {
            isPaused = kind == Kind.Pause;
        } else if (kind == Kind.SetGrace) {
            grace = a.value;
        } else if (kind == Kind.SetLimit) {
            limit = a.value;
        } else if (kind != Kind.Call) {
            holds[a.account][a.root] = kind == Kind.Grant;
        }
    }

    function judgePage(Attempt memory a) private {
        Case storage c = cases[a.number];
        for (uint256 i = 0; i < c.routes.length; ++i) {
            if (uint32(c.routes[i].selector) % c.pages.length != a.value) continue;
            if (isForbidden(c.routes[i].facet)) note(Rule.Facet, "staged a facet without code of its own");
            if (c.routes[i].selector == dispatcher.pause.selector) note(Rule.Shadow, "staged one of its own");
        }
    }

    // ---- storage ----

    /// @dev The slots of the namespace's mappings, wherever in it they are.
    function allowKey(bytes32 key) private {
        for (uint256 i = 0; i < 8; ++i) {
            mappingSlot[keccak256(abi.encode(key, uint256(STORE) + i))] = true;
        }
    }

    /// @dev Neither facets nor inits of the model use storage: all that is used is the dispatcher's.
    function checkAccesses() private {
        (bytes32[] memory reads, bytes32[] memory writes) = vm.accesses(address(dispatcher));
        // a write is listed as a read too
        for (uint256 i = 0; i < reads.length; ++i) {
            if (!isOwn(reads[i])) note(Rule.Storage, "a slot outside the namespace was used");
        }
        for (uint256 i = 0; i < writes.length; ++i) {
            if (!isOwn(writes[i])) note(Rule.Storage, "a slot outside the namespace was written");
        }
        (reads, writes) = vm.accesses(extension);
        if (reads.length + writes.length != 0) note(Rule.Storage, "the extension used storage of its own");
    }

    function isOwn(bytes32 slot) private view returns (bool) {
        return mappingSlot[slot] || (slot >= STORE && uint256(slot) < uint256(STORE) + 16);
    }

    // ---- what is tried ----

    function planAny(address actor) private returns (Attempt memory) {
        Kind kind = Kind(pick(KINDS));
        return plan(kind, actor);
    }

    function plan(Kind kind, address actor) private returns (Attempt memory a) {
        if (kind == Kind.Commit) return planCommit(actor);
        if (kind == Kind.Apply) return planApply(actor);
        if (kind == Kind.Activate || kind == Kind.ActivateAndCall) return planActivate(actor);
        if (kind == Kind.Call) return planCall(actor, chance(50) ? liveSelector() : selectors[pick(selectors.length)]);
        a = begin(kind, actor);
        if (kind == Kind.Cancel) {
            cancelReasons(a.reasons, actor);
            a.data = abi.encodeCall(dispatcher.cancelCommit, ());
        } else if (kind == Kind.Pause) {
            pauseReasons(a.reasons, actor, true);
            a.data = abi.encodeCall(dispatcher.pause, ());
        } else if (kind == Kind.Unpause) {
            pauseReasons(a.reasons, actor, false);
            a.data = abi.encodeCall(dispatcher.unpause, ());
        } else if (kind == Kind.SetGrace) {
            a.value = 20 + pick(300);
            graceReasons(a.reasons, actor, a.value);
            a.data = abi.encodeCall(dispatcher.setEtaGrace, (uint32(a.value)));
        } else if (kind == Kind.SetLimit) {
            a.value = chance(50) ? 9 + pick(3) : pick(110);
            limitReasons(a.reasons, actor, a.value);
            a.data = abi.encodeCall(dispatcher.setMaxBatchSize, (uint32(a.value)));
        } else {
            planRole(a);
        }
    }

    function begin(Kind kind, address actor) private pure returns (Attempt memory a) {
        a.kind = kind;
        a.actor = actor;
        a.reasons = noReasons();
    }

    function planRole(Attempt memory a) private {
        a.root = chance(95) ? allRoles[pick(6)] : keccak256("no role");
        a.account = actors[pick(actors.length)];
        if (a.kind == Kind.Renounce && chance(80)) a.account = a.actor;
        // somebody stays who can give roles back, or a run would be over
        if (a.kind != Kind.Grant && a.account == actors[0]) a.root = GOVERNANCE_ROLE;
        if (a.kind == Kind.Renounce) {
            renounceReasons(a.reasons, a.actor, a.root, a.account);
            a.data = abi.encodeCall(dispatcher.renounceRole, (a.root, a.account));
        } else {
            roleReasons(a.reasons, a.actor, a.root);
            a.data = a.kind == Kind.Grant
                ? abi.encodeCall(dispatcher.grantRole, (a.root, a.account))
                : abi.encodeCall(dispatcher.revokeRole, (a.root, a.account));
        }
    }

    function planCommit(address actor) private returns (Attempt memory) {
        uint256 dice = pick(100);
        bytes32 root;
        if (dice < 60) root = rootOf(pick(GOOD_CASES), pick(GOOD_INITS));
        else if (dice < 80) root = roots[pick(roots.length)];
        else if (dice < 88) root = pending.root;
        else if (dice < 92) root = live.root;
        else if (dice < 97) root = bytes32(entropy);
        allowKey(root);
        uint64[4] memory others = [uint64(0), uint64(live.epoch), uint64(live.epoch) + 2, type(uint64).max];
        return commitOf(actor, root, chance(90) ? uint64(live.epoch) + 1 : others[pick(4)]);
    }

    function commitOf(address actor, bytes32 root, uint64 epoch) private view returns (Attempt memory a) {
        a = begin(Kind.Commit, actor);
        a.root = root;
        commitReasons(a.reasons, actor, root, epoch);
        a.data = abi.encodeCall(dispatcher.commitRoot, (root, epoch));
    }

    function planApply(address actor) private returns (Attempt memory) {
        Named memory name = named[pending.root];
        if (!name.known || chance(15)) name.number = pick(cases.length);
        if (!name.known || chance(15)) name.init = pick(inits.length);
        return applyOf(actor, name, pick(cases[name.number].pages.length), chance(90));
    }

    function applyOf(address actor, Named memory name, uint256 page, bool rightProof)
        private
        view
        returns (Attempt memory a)
    {
        a = begin(Kind.Apply, actor);
        a.number = name.number;
        a.value = page;
        bytes32 initHash = inits[name.init].initHash;
        applyReasons(a.reasons, actor, a.number, page, rightProof, initHash);
        bytes32[] memory proof = cases[a.number].proofs[page];
        if (!rightProof) proof = lengthened(proof);
        a.data = abi.encodeCall(dispatcher.applyRoutes, (cases[a.number].pages[page], proof, initHash));
    }

    function lengthened(bytes32[] memory proof) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](proof.length + 1);
        for (uint256 i = 0; i < proof.length; ++i) {
            longer[i] = proof[i];
        }
    }

    function planActivate(address actor) private returns (Attempt memory) {
        uint256 dice = pick(100);
        if (dice < 60) return rightActivation(actor);
        // the right routes with any init, or any routes
        uint256 number = dice < 80 ? named[pending.root].number : pick(cases.length);
        return activationOf(actor, cases[number].routesRoot, pick(inits.length));
    }

    /// @dev As the pending root asks for.
    function rightActivation(address actor) private view returns (Attempt memory) {
        Named memory name = named[pending.root];
        return activationOf(actor, cases[name.number].routesRoot, name.init);
    }

    function activationOf(address actor, bytes32 routesRoot, uint256 init) private view returns (Attempt memory a) {
        a = begin(init == 0 ? Kind.Activate : Kind.ActivateAndCall, actor);
        if (init == 0) {
            activateReasons(a.reasons, actor);
            a.data = abi.encodeCall(dispatcher.activateCommittedRoot, ());
            return a;
        }
        a.root = routesRoot;
        a.value = init;
        activateAndCallReasons(a.reasons, actor, routesRoot, init);
        a.data =
            abi.encodeCall(dispatcher.activateCommittedRootAndCall, (routesRoot, inits[init].init, inits[init].data));
    }

    /// @dev `root` holds the pin, `account` the facet, `value` the id with which it answers.
    function planCall(address actor, bytes4 selector) private view returns (Attempt memory a) {
        a = begin(Kind.Call, actor);
        callReasons(a.reasons, selector);
        (bool found, Route memory route_) = liveRoute(selector);
        // one of the dispatcher's own is no routed call
        if (!found && selector == dispatcher.pause.selector) return planCall(actor, CALLBACK);
        a.account = route_.facet;
        a.root = route_.codeHash;
        a.value = selector == CALLBACK ? 99 : 0;
        for (uint256 f = 0; f < 4; ++f) {
            if (changeable[f] == route_.facet) a.value = f;
        }
        a.data = abi.encodePacked(selector);
    }

    // ---- helpers ----

    function stageAll() private {
        Named memory name = named[pending.root];
        if (!name.known) return;
        for (uint256 p = 0; p < cases[name.number].pages.length; ++p) {
            attempt(applyOf(actors[0], name, p, true));
        }
    }

    function restoreAll() private {
        for (uint256 i = 0; i < changeable.length; ++i) {
            if (changeable[i].codehash != keccak256(changeableCode[i])) vm.etch(changeable[i], changeableCode[i]);
        }
    }

    function pass(uint256 duration) private {
        time += duration;
        vm.warp(time);
    }

    /// @dev Mostly somebody who holds the role.
    function whoFor(bytes32 role) private returns (address actor) {
        for (uint256 i = 0; i < 8; ++i) {
            actor = actors[pick(ACTORS)];
            if (i == 0 && chance(20)) return actor;
            if (holds[actor][role]) return actor;
        }
    }

    function liveSelector() private returns (bytes4) {
        if (!live.known) return CALLBACK;
        Route[] storage routes = cases[live.number].routes;
        return routes[pick(routes.length)].selector;
    }

    function chance(uint256 percent) private returns (bool) {
        return pick(100) < percent;
    }

    function pick(uint256 n) private returns (uint256) {
        entropy = uint256(keccak256(abi.encode(entropy)));
        return entropy % n;
    }
}
