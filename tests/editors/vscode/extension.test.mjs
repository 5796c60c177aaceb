// The extension as a whole, in an editor and with a server that do as they are told. EXTENSION is the bundle of both, made
// of `extension.entry.mjs`.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { beforeEach, test } from "node:test";

const { extension, editor, languageclient } = createRequire(import.meta.url)(process.env.EXTENSION);
const { state, told, happen, listening } = editor;
const FOLDER = editor.workspace.workspaceFolders[0].uri.fsPath;
const { servers, answers } = languageclient;

const range = (from, to) => ({ start: { line: from, character: 0 }, end: { line: to, character: 1 } });
const symbol = (name, kind, from, to, children = []) => ({
  name,
  kind,
  range: range(from, to),
  selectionRange: range(from, from),
  children,
});
/** It needs to be a command that says its version. */
const PPC = process.execPath;
const SALES = `file://${FOLDER}/flows/sales.ppd`;
const editing = (line, uri = SALES, languageId = "ppd") => ({
  document: { uri: editor.Uri.parse(uri), languageId },
  selection: { active: { line } },
});

beforeEach(async () => {
  told.length = servers.length = 0;
  state.settings = { ppc: PPC };
  state.editor = editing(3);
  state.symbols.set(SALES, [
    symbol("daily", 1, 2, 8, [symbol("load", 11, 4, 4)]),
    symbol("hourly", 1, 10, 12, [symbol("load", 11, 11, 11)]),
  ]);
  answers.start = async () => {};
  answers.graph = (uri, dag) => ({ dag: dag ?? "daily", svg: "<svg/>" });
  editor.workspace.isTrusted = true;
});

/** Runs a test in the extension, activated, and deactivates it. */
const activated = (name, run) =>
  test(name, async () => {
    const context = { extensionUri: editor.Uri.parse("file:///extension"), subscriptions: [] };
    await extension.activate(context);
    try {
      await run();
    } finally {
      await extension.deactivate();
      context.subscriptions.forEach((each) => each.dispose());
    }
    assert.equal(servers.filter((each) => each.runs).length, 0);
    assert.equal(listening("text"), 0);
  });

const shown = () => state.panel.posted.map((each) => each.dag ?? each.error);

activated("the server is started as the settings say, and anew when they change", async () => {
  assert.deepEqual(servers[0].server, { command: PPC, args: ["lsp"], options: { cwd: FOLDER } });
  assert.deepEqual(servers[0].options.documentSelector, [{ language: "ppd" }]);
  state.settings = { ppc: PPC, path: ["lib"] };
  await happen("configuration", { affectsConfiguration: (section) => section === "ppd" });
  await state.commands.get("ppd.restartServer")();
  assert.deepEqual(servers.map((each) => each.runs), [false, false, true]);
  assert.deepEqual(servers[2].server.args, ["lsp", "--path", `${FOLDER}/lib`]);
  await happen("configuration", { affectsConfiguration: () => false });
  assert.equal(servers.length, 3);
});

test("a folder that is not trusted has no server until it is", async () => {
  editor.workspace.isTrusted = false;
  const context = { extensionUri: editor.Uri.parse("file:///extension"), subscriptions: [] };
  await extension.activate(context);
  assert.equal(servers.length, 0);
  editor.workspace.isTrusted = true;
  await happen("trust");
  await extension.deactivate();
  context.subscriptions.forEach((each) => each.dispose());
  assert.equal(servers.length, 1);
});

activated("who has no ppc is told what to do, and can try again", async () => {
  state.settings = { ppc: "./bin/ppc" };
  await state.commands.get("ppd.restartServer")();
  assert.match(told[0].error, /needs the command \S+\/bin\/ppc: spawn .* ENOENT\. Install it with pip install "ppacer\[build,lsp\]"/);
  await state.commands.get("ppd.showGraph")();
  await happen("message", { ready: true });
  assert.deepEqual(shown(), ["The language server does not run."]);
  state.settings = { ppc: PPC };
  await state.commands.get("ppd.restartServer")();
  await happen("message", { ready: true });
  assert.deepEqual(shown().at(-1), "daily");
});

activated("a server that does not start leaves an editor that works", async () => {
  answers.start = async () => {
    throw new Error("the connection was closed");
  };
  await state.commands.get("ppd.restartServer")();
  await state.commands.get("ppd.showGraph")();
  await happen("message", { ready: true });
  assert.deepEqual(shown(), ["The language server does not run."]);
});

activated("the graph follows the cursor and the text", async () => {
  await state.commands.get("ppd.showGraph")();
  await happen("message", { ready: true });
  assert.deepEqual(shown(), ["daily"]);
  assert.equal(state.panel.title, "Graph: daily");

  state.editor = editing(11);
  await happen("selection", { textEditor: state.editor });
  await happen("selection", { textEditor: state.editor });
  await happen("editor", editing(0, "file:///elsewhere/notes.txt", "plaintext"));
  await happen("editor", undefined);
  assert.deepEqual(shown(), ["daily", "hourly"]);

  const drawn = new Promise((resolve) => {
    answers.graph = (uri, dag) => (resolve(), { error: `${dag} has errors` });
  });
  await happen("text", { document: state.editor.document });
  await drawn;
  await new Promise(setImmediate);
  assert.deepEqual(shown(), ["daily", "hourly", "hourly has errors"]);
});

activated("the code lens of a dag shows its graph, and is not sent to the server", async () => {
  const { executeCommand } = servers[0].options.middleware;
  executeCommand("ppc.graph", [SALES, "hourly"], () => assert.fail("it went on"));
  await happen("message", { ready: true });
  executeCommand("ppc.graph", [SALES, "daily"], () => assert.fail("it went on"));
  await new Promise(setImmediate);
  assert.deepEqual(shown(), ["hourly", "daily"]);
  assert.deepEqual(told, ["revealed"]);
  assert.equal(executeCommand("other", [1], (name, given) => `${name} ${given}`), "other 1");
});

activated("a click on a task goes to it", async () => {
  state.editor = editing(11);
  await state.commands.get("ppd.showGraph")();
  await happen("message", { task: "load" });
  assert.deepEqual(told, [{ opened: SALES, line: 11 }]);
});

activated("an answer that is late is not shown in the place of another", async () => {
  await state.commands.get("ppd.showGraph")();
  let release;
  const late = new Promise((resolve) => (release = resolve));
  answers.graph = (uri, dag) => (dag === "daily" ? late : { dag, svg: "<svg/>" });
  const first = happen("message", { ready: true });
  await happen("selection", { textEditor: editing(11) });
  release({ dag: "daily", svg: "<svg/>" });
  await first;
  assert.deepEqual(shown(), ["hourly"]);
});

activated("without a file of the language there is nothing to show", async () => {
  state.editor = editing(0, "file:///elsewhere/notes.txt", "plaintext");
  await state.commands.get("ppd.showGraph")();
  assert.match(told[0].information, /Open a \.ppd file/);
  assert.deepEqual(state.providers.get("ppc").provideTasks(), []);
});

activated("the commands of ppc are tasks", async () => {
  const { provideTasks, resolveTask } = state.providers.get("ppc");
  const offered = provideTasks();
  assert.deepEqual(
    offered.map(({ name, execution, matcher, isBackground }) => [name, execution.args, matcher, isBackground]),
    [
      ["check flows/sales.ppd", ["check", "flows/sales.ppd"], "$ppc", false],
      ["build flows/sales.ppd", ["build", "flows/sales.ppd"], "$ppc", false],
      ["dev flows/sales.ppd", ["dev", "flows/sales.ppd"], "$ppc-dev", true],
    ],
  );
  const written = { type: "ppc", command: "dev", file: "a.ppd", args: ["--port", "9400"] };
  const resolved = resolveTask({ definition: written, scope: 2 });
  assert.equal(resolved.definition, written);
  assert.deepEqual(resolved.execution.args, ["dev", "a.ppd", "--port", "9400"]);
  assert.equal(resolveTask({ definition: { type: "ppc", command: "fly", file: "a.ppd" } }), undefined);
});
