// Compiles two folders of sources, and writes both builds and what upgrades-core says of every pair of contracts FooV1,
// FooV2 in the first:
//   node verdicts.js MODULES TESTDATA OUT
// MODULES is a node_modules folder with solc, from which imports are taken too. TESTDATA holds pairs/, and own/ with what
// upgrades-core has no verdict on. A file's name begins with the kind of proxy, if it is not transparent.
"use strict";
const fs = require("fs");
const path = require("path");
const core = require("@openzeppelin/upgrades-core");

const [modules, testdata, out] = process.argv.slice(2);
const solc = require(path.join(modules, "solc"));
const version = "0.8.37";

function compile(input) {
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors || []).filter((e) => e.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((e) => e.formattedMessage).join("\n"));
  return output;
}

// The sources of a folder and all that they import.
function collect(folder) {
  const found = {};
  const add = (name, file) => {
    if (found[name]) return;
    const content = fs.readFileSync(file, "utf8");
    found[name] = { content };
    for (const [, imported] of content.matchAll(/^import\s[^"']*["']([^"']+)["']/gm)) {
      const full = imported.startsWith(".") ? path.posix.join(path.posix.dirname(name), imported) : imported;
      add(full, path.join(modules, full));
    }
  };
  for (const file of fs.readdirSync(path.join(testdata, folder)).filter((f) => f.endsWith(".sol"))) {
    add(folder + "/" + file, path.join(testdata, folder, file));
  }
  return found;
}

function build(folder) {
  const selected = ["storageLayout", "evm.bytecode.object", "evm.bytecode.linkReferences", "evm.methodIdentifiers"];
  const input = {
    language: "Solidity",
    sources: collect(folder),
    settings: { outputSelection: { "*": { "": ["ast"], "*": selected } } },
  };
  const output = compile(input);
  fs.writeFileSync(path.join(out, folder + ".json"), JSON.stringify({ input, output }));
  return [input, output];
}

build("own");
const [input, output] = build("pairs");
// slots in namespaces come of a second compilation, as in the plugins
const namespaced = compile(core.makeNamespacedInput(input, output, version));
core.silenceWarnings();
const start = process.hrtime.bigint();
const run = core.validate(output, core.solcInputOutputDecoder(input, output), version, input, namespaced);
const validated = process.hrtime.bigint();

// upgrades-core finds a contract by its bytecode, which several may share
function dataOf(name) {
  const only = ([c, found]) => [c, c === name ? found : { ...found, version: undefined }];
  return { version: "3.4", log: [Object.fromEntries(Object.entries(run).map(only))] };
}

function verdict(old, name, kind) {
  const options = core.withValidationDefaults({ kind });
  const before = dataOf(old);
  const after = dataOf(name);
  const begin = process.hrtime.bigint();
  const layouts = [core.getStorageLayout(before, run[old].version), core.getStorageLayout(after, run[name].version)];
  const report = core.getStorageUpgradeReport(...layouts, options);
  const errors = core.getErrors(after, run[name].version, options);
  took += process.hrtime.bigint() - begin;
  // the order of initializers is a warning, which getErrors prints and leaves out
  const warnings = [name, ...run[name].inherit].flatMap((c) => run[c].errors).filter((e) => e.kind === "incorrect-initializer-order");
  return {
    old,
    new: name,
    kind,
    ok: report.ok && errors.length === 0,
    changes: report.ops.map((op) => op.kind),
    findings: [...errors, ...warnings].map((e) => ({ kind: e.kind, src: e.src })),
  };
}

const verdicts = [];
let took = validated - start;
for (const name of Object.keys(run)) {
  const match = /^(pairs\/(uups|beacon)?.*\.sol:.*)V2$/.exec(name);
  if (match && run[match[1] + "V1"]) verdicts.push(verdict(match[1] + "V1", name, match[2] || "transparent"));
}
fs.writeFileSync(path.join(out, "verdicts.json"), JSON.stringify(verdicts));
fs.writeFileSync(path.join(out, "time.json"), JSON.stringify({ milliseconds: Number(took) / 1e6 }));
