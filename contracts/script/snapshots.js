#!/usr/bin/env node
// Writes snapshots/abi.txt and snapshots/storage.txt: what others rely on, in a form that a reviewer can read. With --check it
// compares them instead. Both come from forge's out folder.
"use strict";
const fs = require("fs");
const path = require("path");

const check = process.argv.includes("--check");
const read = (source, name) => JSON.parse(fs.readFileSync(path.join("out", source, `${name}.json`), "utf8"));

const nameOf = ({ type, components }) =>
  components ? type.replace("tuple", `(${components.map(nameOf).join(",")})`) : type;

function abi() {
  const { abi, methodIdentifiers } = read("IManifestDispatcher.sol", "IManifestDispatcher");
  const signature = (e) => `${e.name}(${e.inputs.map(nameOf).join(",")})`;
  const lines = abi.map((e) => {
    switch (e.type) {
      case "function": {
        const returns = e.outputs.length ? ` returns (${e.outputs.map(nameOf).join(",")})` : "";
        return `function 0x${methodIdentifiers[signature(e)]} ${signature(e)} ${e.stateMutability}${returns}`;
      }
      case "event":
        return `event ${e.name}(${e.inputs.map((i) => nameOf(i) + (i.indexed ? " indexed" : "")).join(",")})`;
      default:
        return `${e.type} ${signature(e)}`;
    }
  });
  return lines.sort().join("\n") + "\n";
}

function storage() {
  const { storage, types } = read("StoreLayout.sol", "StoreLayout").storageLayout;
  const label = (id) => types[id].label;
  const lines = types[storage[0].type].members.map(
    (m) => `slot ${m.slot} offset ${m.offset} bytes ${types[m.type].numberOfBytes}: ${m.label} ${label(m.type)}`,
  );
  const slot = fs.readFileSync("src/lib/Store.sol", "utf8").match(/STORE_SLOT = (0x[0-9a-f]{64})/)[1];
  return `erc7201:lockstep.storage.ManifestDispatcher at ${slot}\n${lines.join("\n")}\n`;
}

let differences = 0;
fs.mkdirSync("snapshots", { recursive: true });
for (const [name, text] of [
  ["abi.txt", abi()],
  ["storage.txt", storage()],
]) {
  const file = path.join("snapshots", name);
  if (!check) fs.writeFileSync(file, text);
  else if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) {
    console.error(`contracts/${file} is not what the contracts say: others rely on it. If the change is meant: make generate`);
    differences++;
  }
}
process.exit(differences === 0 ? 0 : 1);
