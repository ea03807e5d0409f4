// Finds the checks in Solidity sources and takes one out at a time.
//
// A mutant is a source with exactly one thing removed: an `if` that refuses or returns early, one term of its condition,
// a call of a function that checks (require…, check…) or one of its roles, a revert that stands alone, or an assignment
// to storage. The condition of a removed `if` is still evaluated: it may be what does the work.
// In assembly it is an `if` whose block reverts, or one term of its `or`.
// The scanner knows just enough Solidity: comments, strings, brackets, functions and assembly blocks.
"use strict";
const fs = require("fs");
const path = require("path");

const blank = (text) => text.replace(/[^\n]/g, " ");

// The text with comments and strings blanked, at the same offsets.
function mask(text) {
  return text.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, blank);
}

// The offset after the bracket that closes the one at `open`.
function closing(text, open) {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if ("([{".includes(text[i])) depth++;
    if (")]}".includes(text[i]) && --depth === 0) return i + 1;
  }
  throw new Error("a bracket is not closed");
}

function* matches(text, pattern) {
  for (const m of text.matchAll(pattern)) yield [m.index, m.index + m[0].length, m];
}

// Functions with the contract or library around them; free functions belong to their file.
function functionsOf(text, file) {
  const units = [];
  for (const [at, , m] of matches(text, /\b(?:contract|library)\s+(\w+)[^{;]*\{/g)) {
    units.push({ name: m[1], start: at, end: closing(text, at + m[0].length - 1) });
  }
  const functions = [];
  for (const [at, end, m] of matches(text, /\b(?:function\s+(\w+)|constructor|fallback|receive|modifier\s+(\w+))\s*\(/g)) {
    let body = closing(text, end - 1);
    while (body < text.length && !"{;".includes(text[body])) body++;
    if (text[body] !== "{") continue;
    const unit = units.find((u) => u.start < at && at < u.end);
    const name = m[1] || m[2] || m[0].match(/\w+/)[0];
    functions.push({ unit: unit ? unit.name : path.basename(file, ".sol"), name, start: body, end: closing(text, body) });
  }
  return functions;
}

// The ranges between the operators `op` that stand in start..end outside brackets.
function split(text, start, end, op) {
  const parts = [];
  let depth = 0;
  let from = start;
  for (let i = start; i < end; i++) {
    if ("([{".includes(text[i])) depth++;
    else if (")]}".includes(text[i])) depth--;
    else if (depth === 0 && text.startsWith(op, i) && !(op === "|" && (text[i + 1] === "|" || text[i - 1] === "|"))) {
      parts.push([from, i]);
      from = i + op.length;
      i = from - 1;
    }
  }
  parts.push([from, end]);
  return parts;
}

function trim(text, [start, end]) {
  while (start < end && /\s/.test(text[start])) start++;
  while (end > start && /\s/.test(text[end - 1])) end--;
  return [start, end];
}

// Each term of a condition, with the cut that drops it and its operator.
function terms(text, range, operators = ["||", "&&"]) {
  const [start, end] = trim(text, range);
  for (const op of operators) {
    const parts = split(text, start, end, op);
    if (parts.length < 2) continue;
    return parts.flatMap((part, i) => {
      const cut = i === 0 ? [part[0], parts[1][0]] : [parts[i - 1][1], part[1]];
      return [{ cut, term: trim(text, part) }, ...terms(text, part, operators)];
    });
  }
  if (text[start] === "(" && closing(text, start) === end) return terms(text, [start + 1, end - 1], operators);
  return [];
}

// The mutants of one file, in the order of the source. Each: id, unit, function, error (that it refuses with), cut.
function ofFile(file) {
  const source = fs.readFileSync(file, "utf8");
  const whole = mask(source); // with assembly
  let text = whole; // without
  for (const [at, , m] of matches(whole, /\bassembly\b[^{]*\{/g)) {
    const open = at + m[0].length - 1;
    const end = closing(whole, open);
    text = text.slice(0, open + 1) + blank(text.slice(open + 1, end - 1)) + text.slice(end - 1);
  }
  const line = (start, end) => source.slice(start, end).replace(/\s+/g, " ").trim();
  const mutants = [];
  for (const f of functionsOf(text, file)) {
    const body = text.slice(f.start, f.end);
    const taken = []; // bodies of refusals, whose own revert is no second check
    const add = (cut, what, error = "", instead = "") => {
      mutants.push({ file, unit: f.unit, function: f.name, id: `${f.unit}.${f.name}: ${what}`, error, cut, instead });
    };

    for (const [at, end] of matches(body, /\bif\s*\(/g)) {
      const start = f.start + at;
      const cond = [f.start + end, closing(text, f.start + end - 1) - 1];
      let from = cond[1] + 1;
      while (/\s/.test(text[from])) from++;
      const to = text[from] === "{" ? closing(text, from) : text.indexOf(";", from) + 1;
      const then = whole.slice(from, to);
      if (!/\b(revert|return)\b/.test(then) || /^\s*else\b/.test(text.slice(to))) continue;
      taken.push([from, to]);
      const single = then.replace(/^\{\s*|\s*\}$/g, "");
      const does = /^[^{};]*;$/.test(single) ? line(from, to).replace(/^\{ | \}$/g, "").replace(/;$/, "") : "{ … }";
      const error = (then.match(/\brevert\s+([\w.]+)/) || ["", ""])[1];
      add([start, to], `if (${line(...cond)}) ${does}`, error, `${line(...cond)};`);
      for (const { cut, term } of terms(text, cond)) {
        add(cut, `if (${line(...cond)}) ${does} — without ${line(...term)}`, error);
      }
    }
    for (const [at, end] of matches(body, /(?<=[;{}]\s*)(?:\w+\.)?_?(?:require|check)\w*\s*\(/g)) {
      const start = f.start + at;
      const args = [f.start + end, closing(text, f.start + end - 1) - 1];
      const call = line(start, args[1] + 1);
      add([start, text.indexOf(";", args[1]) + 1], call);
      const bits = split(text, ...args, ",")[0];
      for (const { cut, term } of terms(text, bits, ["|"])) add(cut, `${call} — without ${line(...term)}`);
    }
    for (const [at] of matches(body, /(?<=[;{}]\s*)revert\b/g)) {
      const start = f.start + at;
      if (taken.some(([from, to]) => from <= start && start < to)) continue;
      const end = text.indexOf(";", start);
      add([start, end + 1], line(start, end), text.slice(start, end).match(/revert\s+([\w.]+)/)[1]);
    }
    for (const [at, end] of matches(whole.slice(f.start, f.end), /\bif\s+(?=[a-z])/g)) {
      const start = f.start + at;
      if (text.startsWith("if", start)) continue; // not in assembly
      const open = whole.indexOf("{", start);
      const close = closing(whole, open);
      if (!/\brevert\(/.test(whole.slice(open, close))) continue;
      const cond = trim(whole, [f.start + end, open]);
      add([start, close], `if ${line(...cond)} { … }`);
      if (!whole.startsWith("or(", cond[0])) continue;
      const parts = split(whole, cond[0] + 3, cond[1] - 1, ",").map((part) => line(...trim(whole, part)));
      parts.forEach((part, i) => add(cond, `if ${line(...cond)} { … } — without ${part}`, "", parts[1 - i]));
    }
    for (const [at] of matches(body, /(?<=[;{}]\s*)(?:\$|store\(\))\.[^;={}]*[^;={}<>!]=(?!=)[^;]*;/g)) {
      const start = f.start + at;
      const end = text.indexOf(";", start);
      add([start, end + 1], line(start, end));
    }
  }
  mutants.sort((a, b) => a.cut[0] - b.cut[0] || b.cut[1] - a.cut[1]);
  return mutants;
}

function solidityFiles(folder) {
  return fs
    .readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".sol"))
    .sort()
    .map((name) => path.join(folder, name));
}

// All mutants of a folder. An id that stands twice gets a number.
function find(folder) {
  const seen = new Map();
  return solidityFiles(folder).flatMap(ofFile).map((mutant) => {
    const n = (seen.get(mutant.id) || 0) + 1;
    seen.set(mutant.id, n);
    return n === 1 ? mutant : { ...mutant, id: `${mutant.id} (${n})` };
  });
}

// The source without the check.
function mutate(mutant) {
  const source = fs.readFileSync(mutant.file, "utf8");
  const [start, end] = mutant.cut;
  return source.slice(0, start) + mutant.instead + source.slice(end);
}

module.exports = { find, mask, mutate, solidityFiles };
