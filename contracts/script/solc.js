#!/usr/bin/env node
// forge expects a native solc. This answers the two calls that forge makes with the solc of package.json.
"use strict";
const fs = require("fs");
const solc = require("solc");

function readAll(fd) {
  const chunks = [];
  const chunk = Buffer.alloc(1 << 16);
  for (;;) {
    let n;
    try {
      n = fs.readSync(fd, chunk, 0, chunk.length, null);
    } catch (err) {
      if (err.code === "EAGAIN") continue;
      if (err.code === "EOF") break;
      throw err;
    }
    if (n === 0) break;
    chunks.push(Buffer.from(chunk.subarray(0, n)));
  }
  return Buffer.concat(chunks).toString("utf8");
}

// Written synchronously in full: process.exit would cut a pipe at 64 KiB.
function writeAll(fd, text) {
  const data = Buffer.from(text, "utf8");
  for (let at = 0; at < data.length; ) {
    try {
      at += fs.writeSync(fd, data, at);
    } catch (err) {
      if (err.code !== "EAGAIN") throw err;
    }
  }
}

if (process.argv.includes("--version")) {
  writeAll(1, `solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  writeAll(1, solc.compile(readAll(0)));
} else {
  writeAll(2, "solc.js: only --version and --standard-json are answered\n");
  process.exitCode = 1;
}
