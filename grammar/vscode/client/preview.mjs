// The panel beside the text that shows the graph of a dag, and follows the text as it is typed.

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { page } from "./page.mjs";
import { dagAt, placeOf } from "./symbols.mjs";

const LANGUAGE = "ppd";
const QUIET_MS = 80;

/**
 * What the language server answers: a picture, or why there is none.
 * @typedef {{ dag?: string, svg?: string, error?: string }} Graph
 */

export class Preview {
  /** @type {vscode.WebviewPanel | undefined} */
  #panel;
  /** @type {{ uri: vscode.Uri, dag: string | undefined } | undefined} */
  #shown;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {vscode.Disposable[]} */
  #following = [];

  /**
   * @param {vscode.Uri} extension where the extension lies
   * @param {(uri: vscode.Uri, dag: string | undefined) => Promise<Graph>} graph asks the language server
   */
  constructor(extension, graph) {
    this.media = vscode.Uri.joinPath(extension, "media");
    this.graph = graph;
  }

  /** Shows the dag in which the cursor is. */
  async showActive() {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId === LANGUAGE) {
      this.show(editor.document.uri, await this.#dagOf(editor));
    } else {
      vscode.window.showInformationMessage("Open a .ppd file to see the graph of its dags.");
    }
  }

  /**
   * @param {vscode.Uri} uri
   * @param {string | undefined} dag none: the first of the file
   */
  show(uri, dag) {
    this.#shown = { uri, dag };
    if (this.#panel === undefined) {
      this.#open();
    } else {
      this.#panel.reveal(undefined, true);
      this.#lookAgain();
    }
  }

  dispose() {
    this.#panel?.dispose();
  }

  #open() {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel("ppd.graph", "Graph", column, {
      enableScripts: true,
      localResourceRoots: [this.media],
    });
    this.#panel = panel;
    this.#following = [
      panel.webview.onDidReceiveMessage((message) => this.#receive(message)),
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document.languageId === LANGUAGE) {
          this.#lookSoon();
        }
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => this.#follow(textEditor)),
      vscode.window.onDidChangeActiveTextEditor((editor) => editor && this.#follow(editor)),
    ];
    panel.onDidDispose(() => {
      clearTimeout(this.#timer);
      this.#following.forEach((each) => each.dispose());
      this.#panel = this.#shown = undefined;
    });
    panel.webview.html = page({
      script: panel.webview.asWebviewUri(vscode.Uri.joinPath(this.media, "preview.js")).toString(),
      style: panel.webview.asWebviewUri(vscode.Uri.joinPath(this.media, "preview.css")).toString(),
      source: panel.webview.cspSource,
      nonce: randomBytes(16).toString("hex"),
    });
  }

  /** @param {{ ready?: true, task?: string }} message */
  async #receive(message) {
    if (message.ready) {
      await this.#lookAgain(); // also when the panel was hidden, which forgets what it showed
    } else if (message.task !== undefined && this.#shown !== undefined) {
      const { uri, dag } = this.#shown;
      const range = dag === undefined ? undefined : placeOf(await symbolsOf(uri), dag, message.task);
      const open = vscode.window.visibleTextEditors.find((each) => each.document.uri.toString() === uri.toString());
      const viewColumn = open?.viewColumn ?? vscode.ViewColumn.One;
      await vscode.window.showTextDocument(uri, { viewColumn, selection: range });
    }
  }

  /** @param {vscode.TextEditor} editor */
  async #follow(editor) {
    const dag = editor.document.languageId === LANGUAGE ? await this.#dagOf(editor) : undefined;
    const uri = editor.document.uri;
    const same = this.#shown?.dag === dag && this.#shown?.uri.toString() === uri.toString();
    if (this.#panel !== undefined && dag !== undefined && !same) {
      this.#shown = { uri, dag };
      await this.#lookAgain();
    }
  }

  #lookSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lookAgain(), QUIET_MS);
  }

  async #lookAgain() {
    const wanted = this.#shown;
    if (wanted === undefined) {
      return;
    }
    const found = await this.graph(wanted.uri, wanted.dag);
    if (this.#panel === undefined || this.#shown !== wanted) {
      return; // something else is wanted by now
    }
    wanted.dag ??= found.dag;
    if (found.dag !== undefined) {
      this.#panel.title = `Graph: ${found.dag}`;
    }
    await this.#panel.webview.postMessage(found);
  }

  /** @param {vscode.TextEditor} editor */
  async #dagOf(editor) {
    return dagAt(await symbolsOf(editor.document.uri), editor.selection.active.line, vscode.SymbolKind.Module);
  }
}

/**
 * @param {vscode.Uri} uri
 * @returns {Promise<vscode.DocumentSymbol[]>}
 */
async function symbolsOf(uri) {
  return (await vscode.commands.executeCommand("vscode.executeDocumentSymbolProvider", uri)) ?? [];
}
