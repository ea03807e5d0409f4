#!/usr/bin/env node
// Writes the committed artifacts of a forge project from its out folder, or with --check compares them byte for byte.
// usage: artifacts.js [--check] <project> <path:Name> ...
"use strict";
const fs = require("fs");
const path = require("path");

const args = process.argv.slice(2);
const check = args[0] === "--check" && Boolean(args.shift());
const [project, ...contracts] = args;
if (!project || contracts.length === 0) {
  console.error("usage: artifacts.js [--check] <project> <path:Name> ...");
  process.exit(2);
}

function find(contract) {
  const [source, name] = contract.split(":");
  const file = path.join(project, "out", path.basename(source), `${name}.json`);
  const artifact = JSON.parse(fs.readFileSync(file, "utf8"));
  if (artifact.metadata.settings.compilationTarget[source] !== name) {
    throw new Error(`${file} is not ${contract}`);
  }
  return artifact;
}

// Router.route writes all of memory: the compiler must not have put a variable there, so the free pointer begins at 0x80.
function requireFreeMemory(name, { deployedBytecode }) {
  if (name === "ManifestDispatcher" && !deployedBytecode.object.startsWith("0x6080604052")) {
    throw new Error("ManifestDispatcher: the compiler keeps variables in memory, which Router.route overwrites");
  }
}

// What a manifest needs of forge's artifact, without what depends on the order of compilation.
function trim({ abi, bytecode, deployedBytecode, metadata }) {
  const { compiler, settings } = metadata;
  return {
    abi,
    bytecode: { object: bytecode.object, linkReferences: bytecode.linkReferences },
    deployedBytecode: { object: deployedBytecode.object, immutableReferences: deployedBytecode.immutableReferences },
    metadata: { compiler, settings },
  };
}

let differences = 0;
const folder = path.join(project, "artifacts");
fs.mkdirSync(folder, { recursive: true });
for (const contract of contracts) {
  const file = path.join(folder, `${contract.split(":")[1]}.json`);
  const found = find(contract);
  requireFreeMemory(contract.split(":")[1], found);
  const artifact = trim(found);
  // keys of immutableReferences are AST ids, which depend on the other files of the compilation
  artifact.deployedBytecode.immutableReferences = Object.values(
    artifact.deployedBytecode.immutableReferences ?? {},
  ).flat();
  const text = JSON.stringify(artifact, null, 1) + "\n";
  if (!check) {
    fs.writeFileSync(file, text);
  } else if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) {
    console.error(`${file} is not what ${contract} compiles to: run make generate and commit the result`);
    differences++;
  }
}
process.exit(differences === 0 ? 0 : 1);
