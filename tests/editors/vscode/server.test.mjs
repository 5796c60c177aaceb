// The extension's own modules with the real server: how it is started, what is asked for the graph, and where a click on
// a task of it leads. MODULES is the folder that holds the library which speaks the protocol, PPC the command.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { compiler } from "../../../grammar/vscode/client/settings.mjs";
import { dagAt, placeOf } from "../../../grammar/vscode/client/symbols.mjs";

const installed = createRequire(path.join(process.env.MODULES, "package.json"));
// It is not ours by name but comes with the client, which cannot be loaded outside of an editor.
const client = createRequire(installed.resolve("vscode-languageclient"));
const protocol = client("vscode-languageserver-protocol/node");

const TEXT = `import steps

let regions = ["eu", "us"]

dag daily {
  task raw[region in regions] = steps.load(region)
  group orders { task dump = empty() }
  finally { task tidy = empty() }
  raw[*] -> orders.dump
}

dag hourly { task load = steps.load("all") }
`;
const DAG = 2; // as the protocol counts kinds of symbols: a module
const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "ppd-")));
const uri = pathToFileURL(path.join(folder, "sales.ppd")).href;
let server, connection;

before(async () => {
  writeFileSync(path.join(folder, "steps.py"), "def load(region: str) -> list[str]: ...\n");
  const settings = { ppc: process.env.PPC, python: "", path: [] };
  const { command, options } = compiler(settings, folder, () => false, false);
  server = spawn(command, ["lsp", ...options], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const { StreamMessageReader, StreamMessageWriter, createProtocolConnection } = protocol;
  const streams = [new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin)];
  connection = createProtocolConnection(...streams);
  connection.listen();
  const workspaceFolders = [{ uri: pathToFileURL(folder).href, name: "sales" }];
  const wanted = { processId: process.pid, rootUri: workspaceFolders[0].uri, workspaceFolders, capabilities: {} };
  const { capabilities } = await connection.sendRequest("initialize", wanted);
  assert.ok(capabilities.executeCommandProvider.commands.includes("ppc.graph"));
  await connection.sendNotification("initialized", {});
  const textDocument = { uri, languageId: "ppd", version: 1, text: TEXT };
  await connection.sendNotification("textDocument/didOpen", { textDocument });
});

after(async () => {
  const ended = new Promise((resolve) => server.on("exit", resolve));
  await connection.sendRequest("shutdown");
  await connection.sendNotification("exit");
  assert.equal(await ended, 0);
  connection.dispose();
  rmSync(folder, { recursive: true });
});

const graph = (...args) =>
  connection.sendRequest("workspace/executeCommand", { command: "ppc.graph", arguments: [uri, ...args] });
const symbols = () => connection.sendRequest("textDocument/documentSymbol", { textDocument: { uri } });
/** What the page takes for the names of the tasks: the first lines of the titles in them. */
const shown = (svg) => [...svg.matchAll(/<g class="task[^>]*><title>([^\n<]*)/g)].map(([, name]) => name);

test("a click on a task of the graph leads to its declaration", async () => {
  const { dag, svg } = await graph("daily");
  assert.equal(dag, "daily");
  const names = shown(svg).map((name) => name.replaceAll("&quot;", '"'));
  assert.deepEqual(names.sort(), ["orders.dump", 'raw["eu"]', 'raw["us"]', "tidy"]);
  const file = await symbols();
  const places = names.map((name) => placeOf(file, dag, name)?.start);
  assert.deepEqual(places, [
    { line: 6, character: 22 },
    { line: 5, character: 7 },
    { line: 5, character: 7 },
    { line: 7, character: 17 },
  ]);
});

test("the graph is that of the dag in which the cursor is, as it is typed", async () => {
  const dag = dagAt(await symbols(), 11, DAG);
  assert.equal(dag, "hourly");
  assert.deepEqual(shown((await graph(dag)).svg), ["load"]);
  const change = (version, text) =>
    connection.sendNotification("textDocument/didChange", {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  await change(2, TEXT.replace("task load", "task again = empty()\n  task load"));
  assert.deepEqual(shown((await graph(dag)).svg).sort(), ["again", "load"]);
  await change(3, TEXT.replace("task load =", "task load = = "));
  assert.match((await graph(dag)).error, /errors/);
  await change(4, TEXT);
  assert.deepEqual(shown((await graph(dag)).svg), ["load"]);
});
