// What the extension decides by itself, without an editor and without the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "../../../grammar/vscode/client/page.mjs";
import { compiler } from "../../../grammar/vscode/client/settings.mjs";
import { dagAt, placeOf } from "../../../grammar/vscode/client/symbols.mjs";
import { called } from "../../../grammar/vscode/client/tasks.mjs";

const NONE = { ppc: "", python: "", path: [] };
const never = () => false;

test("ppc is that of the settings, else that of the folder, else the one on the path", () => {
  const own = (file) => file === "/shop/.venv/bin/ppc";
  assert.deepEqual(compiler(NONE, "/shop", own, false), { command: "/shop/.venv/bin/ppc", options: [] });
  assert.equal(compiler(NONE, "/shop", never, false).command, "ppc");
  assert.equal(compiler(NONE, undefined, never, false).command, "ppc");
  assert.equal(compiler({ ...NONE, ppc: "ppc-next" }, "/shop", own, false).command, "ppc-next");
  assert.equal(compiler({ ...NONE, ppc: "/opt/ppc" }, "/shop", own, false).command, "/opt/ppc");
  assert.equal(compiler({ ...NONE, ppc: "env/bin/ppc" }, "/shop", own, false).command, "/shop/env/bin/ppc");
  assert.equal(compiler({ ...NONE, ppc: "${workspaceFolder}/ppc" }, "/shop", own, false).command, "/shop/ppc");
  const scripts = (file) => file.endsWith("ppc.exe");
  assert.match(compiler(NONE, "/shop", scripts, true).command, /\.venv.Scripts.ppc\.exe$/);
});

test("folders and the Python are given to every call", () => {
  const settings = { ppc: "", python: "../env/bin/python", path: ["lib", "/shared"] };
  const { options } = compiler(settings, "/shop/sales", never, false);
  assert.deepEqual(options, ["--path", "/shop/sales/lib", "--path", "/shared", "--python", "/shop/env/bin/python"]);
});

test("tasks call ppc with the file, and what follows a program's file is the program's", () => {
  const ppc = { command: "ppc", options: ["--path", "lib"] };
  const check = called({ type: "ppc", command: "check", file: "a.ppd" }, ppc);
  assert.deepEqual(check, {
    label: "check a.ppd",
    command: "ppc",
    args: ["check", "--path", "lib", "a.ppd"],
    matcher: "$ppc",
    background: false,
  });
  const dev = called({ type: "ppc", command: "dev", file: "a.ppd", args: ["--port", "1"] }, ppc);
  assert.deepEqual(dev.args, ["dev", "--path", "lib", "a.ppd", "--port", "1"]);
  assert.deepEqual([dev.matcher, dev.background], ["$ppc-dev", true]);
});

const symbol = (name, kind, from, to, children = []) => ({
  name,
  kind,
  range: { start: { line: from, character: 0 }, end: { line: to, character: 1 } },
  selectionRange: { start: { line: from, character: 5 }, end: { line: from, character: 5 + name.length } },
  children,
});
const FILE = [
  symbol("common", 5, 0, 3),
  symbol("daily", 2, 5, 20, [
    symbol("load", 12, 6, 6),
    symbol("orders", 3, 8, 12, [symbol("dump", 12, 9, 9), symbol("load", 12, 10, 10)]),
    symbol("raw", 12, 13, 13),
    symbol("finally", 24, 14, 16, [symbol("tidy", 12, 15, 15)]),
  ]),
  symbol("hourly", 2, 22, 30, [symbol("load", 12, 23, 23)]),
];

test("a line belongs to a dag or to none", () => {
  assert.equal(dagAt(FILE, 5, 2), "daily");
  assert.equal(dagAt(FILE, 20, 2), "daily");
  assert.equal(dagAt(FILE, 30, 2), "hourly");
  assert.equal(dagAt(FILE, 21, 2), undefined);
  assert.equal(dagAt(FILE, 1, 2), undefined);
});

test("a task is found by the name that the graph shows", () => {
  const line = (dag, task) => placeOf(FILE, dag, task)?.start.line;
  assert.equal(line("daily", "load"), 6);
  assert.equal(line("hourly", "load"), 23);
  assert.equal(line("daily", "orders.load"), 10);
  assert.equal(line("daily", 'raw["e.u]"]'), 13);
  assert.equal(line("daily", 'raw["a\\"]", 2].more'), 13);
  assert.equal(line("daily", "tidy"), 15);
  assert.equal(line("daily", "orders.made_by_a_template"), 8);
  assert.equal(line("nightly", "load"), undefined);
});

test("the page lets nothing in but its own script and style", () => {
  const text = page({ script: "vscode:/preview.js", style: "vscode:/preview.css", source: "vscode:", nonce: "abc" });
  assert.match(text, /content="default-src 'none'; script-src 'nonce-abc'; style-src vscode: 'nonce-abc'"/);
  assert.equal(text.match(/<script/g).length, 1);
  assert.doesNotMatch(text, /unsafe|https?:/);
});
