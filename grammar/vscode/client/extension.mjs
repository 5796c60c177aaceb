// What the editor loads: starts the language server, and offers the graph of a dag and the tasks of `ppc`.

import { execFile } from "node:child_process";
import fs from "node:fs";
import * as vscode from "vscode";
import { ExecuteCommandRequest, LanguageClient } from "vscode-languageclient/node";
import { Preview } from "./preview.mjs";
import { compiler } from "./settings.mjs";
import { COMMANDS, TYPE, called } from "./tasks.mjs";

/** The server's own command; the client registers it, since the server says that it has it. */
const GRAPH = "ppc.graph";
const SECTION = "ppd";

/** @type {LanguageClient | undefined} */
let client;
/** @type {Promise<void>} Changes of settings may follow each other quickly: one after the other. */
let turn = Promise.resolve();

/** @param {vscode.ExtensionContext} context */
export async function activate(context) {
  const preview = new Preview(context.extensionUri, graphOf);
  context.subscriptions.push(
    preview,
    vscode.commands.registerCommand("ppd.showGraph", () => preview.showActive()),
    vscode.commands.registerCommand("ppd.restartServer", () => restart(preview)),
    vscode.tasks.registerTaskProvider(TYPE, { provideTasks, resolveTask }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(SECTION)) {
        restart(preview);
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => restart(preview)),
  );
  await restart(preview);
}

export async function deactivate() {
  await turn;
  await stop();
}

/** @param {Preview} preview */
function restart(preview) {
  turn = turn.then(async () => {
    await stop();
    await start(preview);
  });
  return turn;
}

async function stop() {
  const before = client;
  client = undefined;
  try {
    await before?.dispose();
  } catch {
    // it had ended by itself, which the client has told already
  }
}

/** @param {Preview} preview */
async function start(preview) {
  if (!vscode.workspace.isTrusted) {
    return; // `ppc` may be one that lies in the folder
  }
  const { command, options } = ppc();
  const reason = await whyNot(command);
  if (reason !== undefined) {
    tellOfMissing(command, reason); // not waited for: the message stays until somebody answers it
    return;
  }
  const made = new LanguageClient(
    SECTION,
    "ppc",
    { command, args: ["lsp", ...options], options: { cwd: folder() } },
    {
      documentSelector: [{ language: "ppd" }],
      middleware: {
        executeCommand: (name, args, next) => (name === GRAPH ? showGraph(preview, args) : next(name, args)),
      },
    },
  );
  try {
    await made.start();
    client = made;
  } catch {
    // the client has told it, and why is in its output
  }
}

/**
 * Why a command cannot be called; nothing where it can.
 * @param {string} command
 * @returns {Promise<string | undefined>}
 */
function whyNot(command) {
  return new Promise((resolve) => {
    execFile(command, ["--version"], { cwd: folder() }, (error) => resolve(error?.message));
  });
}

/**
 * @param {string} command
 * @param {string} reason
 */
async function tellOfMissing(command, reason) {
  const change = "Open the settings";
  const hint = 'Install it with pip install "ppacer[build,lsp]", or say in the settings where it is.';
  const message = `The language server needs the command ${command}: ${reason}. ${hint}`;
  if ((await vscode.window.showErrorMessage(message, change)) === change) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "ppd.ppc");
  }
}

/**
 * The code lens above a dag.
 * @param {Preview} preview
 * @param {unknown[]} args the file and the name of the dag
 */
function showGraph(preview, [uri, dag]) {
  preview.show(vscode.Uri.parse(String(uri)), dag === undefined ? undefined : String(dag));
}

/**
 * @param {vscode.Uri} uri
 * @param {string | undefined} dag
 * @returns {Promise<import("./preview.mjs").Graph>}
 */
async function graphOf(uri, dag) {
  if (client === undefined) {
    return { error: "The language server does not run." };
  }
  const args = dag === undefined ? [uri.toString()] : [uri.toString(), dag];
  return client.sendRequest(ExecuteCommandRequest.type, { command: GRAPH, arguments: args });
}

/** One of each command for the file that is being edited. */
function provideTasks() {
  const document = vscode.window.activeTextEditor?.document;
  if (document?.languageId !== "ppd") {
    return [];
  }
  const file = vscode.workspace.asRelativePath(document.uri, false);
  const commands = /** @type {(keyof typeof COMMANDS)[]} */ (Object.keys(COMMANDS));
  return commands.map((command) => taskOf({ type: TYPE, command, file }));
}

/**
 * A task of `tasks.json`, which says what is wanted and not how.
 * @param {vscode.Task} task
 */
function resolveTask(task) {
  const definition = /** @type {import("./tasks.mjs").Definition} */ (/** @type {unknown} */ (task.definition));
  return definition.command in COMMANDS && definition.file ? taskOf(definition, task.scope) : undefined;
}

/**
 * @param {import("./tasks.mjs").Definition} definition
 * @param {vscode.WorkspaceFolder | vscode.TaskScope} [scope]
 */
function taskOf(definition, scope = vscode.workspace.workspaceFolders?.[0] ?? vscode.TaskScope.Workspace) {
  const { label, command, args, matcher, background } = called(definition, ppc());
  const task = new vscode.Task(
    definition,
    scope,
    label,
    TYPE,
    new vscode.ProcessExecution(command, args, { cwd: folder() }),
    matcher,
  );
  task.isBackground = background;
  task.group = definition.command === "build" ? vscode.TaskGroup.Build : undefined;
  return task;
}

function ppc() {
  const settings = vscode.workspace.getConfiguration(SECTION);
  const wanted = { ppc: settings.get("ppc", ""), python: settings.get("python", ""), path: settings.get("path", []) };
  return compiler(wanted, folder(), fs.existsSync, process.platform === "win32");
}

function folder() {
  return vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
}
