// Writes weakened contracts for the attackers in test/attack into test/weakened, which git ignores. Each lacks exactly one
// check, or has one patch where no single check stands between the attack and its harm. What does not change is imported
// from src; what imports a changed file is copied with it.
"use strict";
const fs = require("fs");
const path = require("path");
const { mask, mutate, solidityFiles } = require("./mutants.js");

// Name -> the id of the mutant, which must be one and no other.
const WITHOUT = {
  NoCodeCheckAtActivation: /\.activate: requireCodehash\(/,
  DelegatedCode: /revert (?:\w+\.)?CodeForbidden\(\w+\) — without \w+ == 0xef$/,
  NoTimelock: /revert (?:\w+\.)?ActivationNotReady\(/,
  InitRunsAgain: /revert InitAlreadyRun\(/,
  AnyInit: /revert InitMismatch\(/,
  InitMayFail: /\.activateCommittedRootAndCall: if \(!ok\)/,
  NoProof: /revert InvalidProof\(/,
  AnyPage: /revert WrongPage\(/,
  AnyPosition: /revert MisplacedSelector\(/,
  Shadows: /revert SelectorReserved\(/,
  PageTwice: /revert PageAlreadyStaged\(/,
  AnybodyCommits: /\.commitRoot: requireRole\(/,
  AnyEpoch: /revert WrongEpoch\(/,
  ClockRestarts: /revert AlreadyPending\(root\)$/,
  KeepsEther: /\.receive: revert UnknownSelector\(/,
};

// Name -> what to replace, which must stand in the sources exactly once, and by what.
const PATCHED = {
  // keccak256(abi.encode(0, 0)), where AccessControl as a first parent keeps the holders of its DEFAULT_ADMIN_ROLE, less 4,
  // the place of `roles` in Store
  RolesOfAccessControl: [
    [/(?<=STORE_SLOT = )0x[0-9a-f]{64}/, "0xad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb1"],
  ],
  NoCodeGate: [[/xor\(got, want\)/, "0"]],
  EmptyPages: [
    [/0x6310eddfa75f525f5f6004601c335afa3d02601657fe5b3d5f5f3e3d5ff3/, "0x6310eddfa75f525f5f6004601c335afa601457fe5b3d5f5f3e3d5ff3"],
    [/(?<=INIT_CODE_SIZE = )30/, "28"],
    [/(?<=INIT_CODE_HASH = )0x[0-9a-f]{64}/, "0x306f67575ef38207d41fa62481255279e0732a9c1f8223e7bfa8c346d5d8f678"],
  ],
  SlotZero: [[/(?<=STORE_SLOT = )0x[0-9a-f]{64}/, "0x00"]],
  TrustsItself: [
    [
      /(?=if \(store\(\)\.roles\[msg\.sender\])/,
      'address self; assembly ("memory-safe") { self := address() } if (msg.sender == self) return; ',
    ],
  ],
  InitFirst: [
    [/\$\.initialized\[root\] = routesRoot;\s+Lifecycle\.activate\(s, root, routesRoot\);/, ""],
    [/(?=if \(!ok\) \{)/, "$.initialized[root] = routesRoot; Lifecycle.activate(s, root, routesRoot); "],
  ],
  LeafHashedOnce: [[/hash := keccak256\(0, 32\)/, ""]],
  KeepsOldEta: [[/(?=eta = block\.timestamp \+ DELAY;)/, "if (eta == 0) "]],
};

// The one file that the weakening changes, and its text.
function weakened(name, mutants, sources) {
  if (name in WITHOUT) {
    // a term of a condition is meant only where it is named
    const whole = !WITHOUT[name].source.includes(" — ");
    const found = mutants.filter((m) => WITHOUT[name].test(m.id) && !(whole && m.id.includes(" — ")));
    if (found.length !== 1) {
      throw new Error(`${name}: ${WITHOUT[name]} names ${found.length} checks, want 1: mend script/weaken.js`);
    }
    return [found[0].file, mutate(found[0])];
  }
  let changed;
  for (const [pattern, replacement] of PATCHED[name]) {
    // comments do not count
    const all = new RegExp(pattern.source, "g");
    const places = [...sources].flatMap(([file, text]) => [...mask(text).matchAll(all)].map(() => file));
    if (places.length !== 1 || (changed && changed[0] !== places[0])) {
      throw new Error(`${name}: ${pattern} stands ${places.length} times in the sources, want once: mend script/weaken.js`);
    }
    const text = changed ? changed[1] : sources.get(places[0]);
    const { index, 0: found } = mask(text).match(pattern);
    changed = [places[0], text.slice(0, index) + replacement + text.slice(index + found.length)];
  }
  return changed;
}

const IMPORT = /(?<=\bfrom ")(\.[^"]+)(?=")/g;

function weaken(home, mutants) {
  const src = path.join(home, "src");
  const folder = path.join(home, "test", "weakened");
  const sources = new Map(solidityFiles(src).map((file) => [file, fs.readFileSync(file, "utf8")]));
  const resolve = (file, name) => path.resolve(path.dirname(file), name);
  const files = new Map();
  for (const name of [...Object.keys(WITHOUT), ...Object.keys(PATCHED)]) {
    const copies = new Map([weakened(name, mutants, sources)]);
    for (let before = 0; before !== copies.size; ) {
      before = copies.size;
      for (const [file, text] of sources) {
        const uses = [...text.matchAll(IMPORT)].some(([to]) => copies.has(resolve(file, to)));
        if (uses && !copies.has(file)) copies.set(file, text);
      }
    }
    for (const [file, text] of copies) {
      const linked = text.replace(IMPORT, (to) => {
        const target = resolve(file, to);
        return copies.has(target) ? `./${name}.${path.basename(target)}` : path.relative(folder, target);
      });
      files.set(`${name}.${path.basename(file)}`, linked);
    }
  }
  fs.mkdirSync(folder, { recursive: true });
  for (const name of fs.readdirSync(folder)) {
    if (!files.has(name)) fs.rmSync(path.join(folder, name));
  }
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) fs.writeFileSync(file, text);
  }
}

module.exports = { weaken };
