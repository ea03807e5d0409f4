#!/usr/bin/env node
// Takes one check at a time out of the contracts and says which test fails without it. A check without a test is an error.
//
//   node script/mutate.js [--slice k/n] [--jobs N] [--write FILE] [--check FILE]
//   node script/mutate.js --list [--check FILE]
//   node script/mutate.js --weaken
//
// --slice k/n   every n-th mutant, beginning with the k-th (from 1)
// --jobs N      that many at a time; default: the number of processors
// --write FILE  writes the table of checks and tests, after a full run
// --check FILE  fails if the table does not list exactly these checks, or names another test for one that was run
// --list        prints the checks, runs nothing
// --weaken      writes what test/attack needs into test/weakened: see weaken.js
//
// Mutants run in copies of this folder, in a temporary folder, without viaIR and optimizer. What they run is every test but those that
// say nothing about one check: see OMITTED.
"use strict";
const { spawn } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");
const { parseArgs } = require("util");
const { find, mutate } = require("./mutants.js");
const { weaken } = require("./weaken.js");
const allowed = require("./mutants-allowed.json");

const HOME = path.dirname(__dirname);
// attackers bring their own weakened contracts; the others measure, or take long to say what a unit test says
const OMITTED = /^test\/(attack|weakened|build|invariant)\b|^test\/(PageDesign|PageBuilder)\.t\.sol$|Gas\w*\.t\.sol$/;
const PROFILE = `
[profile.mutation]
via_ir = false
optimizer = false
deny = "never"
additional_compiler_profiles = []
compilation_restrictions = []

[profile.mutation.fuzz]
runs = 32
seed = "0x10c5"

[profile.mutation.invariant]
runs = 4
`;

let temporary = "";
const running = new Set();

function cleanUp() {
  for (const child of running) {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // it has ended
    }
  }
  if (temporary !== "") fs.rmSync(temporary, { recursive: true, force: true });
}

process.on("exit", cleanUp);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));

function forgeBinary() {
  const arch = { x64: "amd64", arm64: "arm64" }[os.arch()];
  const installed = path.join(HOME, "node_modules", "@foundry-rs", `forge-${os.platform()}-${arch}`, "bin", "forge");
  return process.env.FORGE || installed;
}

// A folder of its own with the sources, the tests, and links to what never changes.
function makeCopy(folder) {
  fs.mkdirSync(folder);
  for (const name of ["src", "test"]) {
    fs.cpSync(path.join(HOME, name), path.join(folder, name), {
      recursive: true,
      filter: (from) => !OMITTED.test(path.relative(HOME, from)),
    });
  }
  for (const name of ["node_modules", "script"]) fs.symlinkSync(path.join(HOME, name), path.join(folder, name));
  fs.writeFileSync(path.join(folder, "foundry.toml"), fs.readFileSync(path.join(HOME, "foundry.toml"), "utf8") + PROFILE);
}

function forgeTest(folder) {
  // what an earlier mutant failed on must not be tried first on the next
  fs.rmSync(path.join(folder, "cache", "fuzz"), { recursive: true, force: true });
  return new Promise((resolve, reject) => {
    const env = { ...process.env, FOUNDRY_PROFILE: "mutation" };
    const child = spawn(forgeBinary(), ["test", "--json"], { cwd: folder, env, detached: true, timeout: 300000 });
    running.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    child.on("error", reject);
    child.on("close", () => {
      running.delete(child);
      try {
        resolve(failures(JSON.parse(stdout)));
      } catch {
        reject(new Error(`forge did not test it:\n${(stdout + stderr).slice(0, 4000)}`));
      }
    });
  });
}

// Contract.test of each failure: plain tests first, then fuzz tests, then setUp, each in the order of the alphabet.
function failures(suites) {
  const failed = [];
  for (const [suite, { test_results: results }] of Object.entries(suites)) {
    for (const [name, { status }] of Object.entries(results)) {
      if (status !== "Failure") continue;
      const test = name.replace(/\(.*/, "");
      const rank = test.startsWith("test_") ? 0 : test.startsWith("test") ? 1 : 2;
      failed.push({ key: `${rank} ${suite} ${test}`, name: `${suite.split(":")[1]}.${test}` });
    }
  }
  return failed.sort((a, b) => (a.key < b.key ? -1 : 1)).map((f) => f.name);
}

async function run(mutants, jobs) {
  temporary = fs.mkdtempSync(path.join(os.tmpdir(), "lockstep-mutants-"));
  const first = path.join(temporary, "0");
  makeCopy(first);
  console.error("building; the tests must pass as they are");
  const broken = await forgeTest(first);
  if (broken.length !== 0) throw new Error(`these fail without any mutant: ${broken.join(", ")}`);
  const folders = [first];
  for (let i = 1; i < Math.min(jobs, mutants.length); i++) {
    folders.push(path.join(temporary, String(i)));
    fs.cpSync(first, folders[i], { recursive: true, verbatimSymlinks: true });
  }
  const queue = [...mutants];
  let done = 0;
  await Promise.all(
    folders.map(async (folder) => {
      for (let mutant; (mutant = queue.shift()); ) {
        const start = Date.now();
        const file = path.join(folder, path.relative(HOME, mutant.file));
        fs.writeFileSync(file, mutate(mutant));
        try {
          mutant.killedBy = (await forgeTest(folder))[0] || "";
        } catch (err) {
          throw new Error(`${mutant.id}\n${err.message}`);
        }
        fs.copyFileSync(mutant.file, file);
        const seconds = ((Date.now() - start) / 1000).toFixed(1);
        console.error(`[${++done}/${mutants.length}] ${seconds}s ${mutant.id} <- ${mutant.killedBy || "SURVIVES"}`);
      }
    }),
  );
}

const cell = (text) => text.replace(/\|/g, "\\|");

function row(mutant) {
  const outcome = mutant.killedBy ? `\`${mutant.killedBy}\`` : allowed[mutant.id];
  return `| \`${cell(mutant.id.slice(mutant.id.indexOf(".") + 1))}\` | ${outcome} |`;
}

const INTRODUCTION = `# Every check has a test

Generated by \`make mutation\`: each line is a check of the contracts, and the test that fails when exactly this check is
taken out. \`… — without x\` drops one term of a condition. Plain tests are named before fuzz tests, in the order of the
alphabet. Where no test can fail, the reason is given.
`;

function table(mutants) {
  let text = INTRODUCTION;
  let unit = "";
  for (const mutant of mutants) {
    if (mutant.unit !== unit) {
      unit = mutant.unit;
      text += `\n## ${unit}\n\n| check | test that fails without it |\n|---|---|\n`;
    }
    text += row(mutant) + "\n";
  }
  return text;
}

// Compares a table with the mutants: all must be listed, and those that were run with what they ended with.
function compare(file, mutants) {
  const lines = new Set(fs.readFileSync(file, "utf8").split("\n"));
  const rows = [...lines].filter((line) => line.startsWith("| `"));
  const begins = (mutant) => `${row({ ...mutant, killedBy: "?" }).split("` | `?")[0]}\` | `;
  const wrong = mutants.filter((m) =>
    m.killedBy === undefined ? !rows.some((line) => line.startsWith(begins(m))) : !lines.has(row(m)),
  );
  if (wrong.length === 0 && rows.length === new Set(mutants.map(begins)).size) return;
  console.error(`${file} is not what \`make mutation\` writes:`);
  for (const mutant of wrong) console.error(`  ${mutant.id} <- ${mutant.killedBy ?? "not listed"}`);
  if (wrong.length === 0) console.error("  it lists checks that are gone");
  process.exitCode = 1;
}

async function main() {
  const { values: options } = parseArgs({
    options: {
      list: { type: "boolean" },
      weaken: { type: "boolean" },
      slice: { type: "string", default: "1/1" },
      jobs: { type: "string", default: String(os.availableParallelism()) },
      write: { type: "string" },
      check: { type: "string" },
    },
  });
  const mutants = find(path.join(HOME, "src"));
  if (options.weaken) {
    weaken(HOME, mutants);
    return;
  }
  const gone = Object.keys(allowed).filter((id) => !mutants.some((m) => m.id === id));
  if (gone.length !== 0) throw new Error(`mutants-allowed.json names what is not there: ${gone.join(", ")}`);
  const [k, n] = options.slice.split("/").map(Number);
  if (!(k >= 1 && n >= k)) throw new Error(`--slice ${options.slice}: want k/n with 1 <= k <= n`);
  const chosen = mutants.filter((_, i) => i % n === k - 1);
  if (options.write && chosen.length !== mutants.length) throw new Error("--write needs a run without --slice");
  if (!(Number(options.jobs) >= 1)) throw new Error(`--jobs ${options.jobs}: want a number from 1`);

  if (options.list) {
    for (const { id } of chosen) console.log(id);
  } else {
    await run(chosen, Number(options.jobs));
    const survivors = chosen.filter((m) => m.killedBy === "" && !(m.id in allowed));
    const killed = chosen.filter((m) => m.killedBy !== "" && m.id in allowed);
    for (const { id } of survivors) console.error(`no test fails without: ${id}`);
    for (const { id, killedBy } of killed) console.error(`mutants-allowed.json allows ${id}, but ${killedBy} fails`);
    console.error(`${chosen.length} mutants, ${survivors.length} of them survive and should not`);
    if (survivors.length + killed.length !== 0) process.exitCode = 1;
    else if (options.write) fs.writeFileSync(options.write, table(mutants));
  }
  if (options.check) compare(options.check, mutants);
}

main().catch((err) => {
  console.error(`mutate.js: ${err.message}`);
  process.exit(1);
});
