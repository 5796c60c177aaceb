// In the place of the module `vscode`: as much of an editor as the extension uses. `told` is what it was asked to do,
// `happen` lets things happen in it, `state` is what it has open.

import path from "node:path";

class Uri {
  constructor(text) {
    this.text = text;
  }
  get fsPath() {
    return this.text.replace(/^file:\/\//, "");
  }
  toString() {
    return this.text;
  }
  static parse(text) {
    return new Uri(text);
  }
  static joinPath(base, ...names) {
    return new Uri([base.text, ...names].join("/"));
  }
}

export const told = [];
export const state = {
  settings: {},
  editor: undefined,
  symbols: new Map(),
  commands: new Map(),
  providers: new Map(),
  panel: undefined,
};

const listeners = {};
const event = (name) => (listener) => {
  (listeners[name] ??= new Set()).add(listener);
  return { dispose: () => listeners[name].delete(listener) };
};
export const happen = (name, argument) => Promise.all([...(listeners[name] ?? [])].map((each) => each(argument)));
export const listening = (name) => listeners[name]?.size ?? 0;

const folder = { uri: new Uri(`file://${process.cwd()}`), name: "work", index: 0 };
export const workspace = {
  isTrusted: true,
  workspaceFolders: [folder],
  getConfiguration: () => ({ get: (name, otherwise) => state.settings[name] ?? otherwise }),
  asRelativePath: (uri) => path.relative(folder.uri.fsPath, uri.fsPath),
  onDidChangeConfiguration: event("configuration"),
  onDidChangeTextDocument: event("text"),
  onDidGrantWorkspaceTrust: event("trust"),
};
export const window = {
  get activeTextEditor() {
    return state.editor;
  },
  get visibleTextEditors() {
    return state.editor ? [state.editor] : [];
  },
  showInformationMessage: (text) => told.push({ information: text }),
  showErrorMessage: async (text) => void told.push({ error: text }),
  showTextDocument: async (uri, { selection }) => told.push({ opened: uri.toString(), line: selection?.start.line }),
  onDidChangeTextEditorSelection: event("selection"),
  onDidChangeActiveTextEditor: event("editor"),
  createWebviewPanel: (type, title) => {
    state.panel = {
      type,
      title,
      posted: [],
      webview: {
        cspSource: "vscode-webview:",
        asWebviewUri: (uri) => uri,
        postMessage: async (message) => state.panel.posted.push(message),
        onDidReceiveMessage: event("message"),
      },
      reveal: () => told.push("revealed"),
      onDidDispose: event("closed"),
      dispose: () => happen("closed"),
    };
    return state.panel;
  },
};
export const commands = {
  registerCommand: (name, run) => {
    state.commands.set(name, run);
    return { dispose: () => state.commands.delete(name) };
  },
  executeCommand: async (name, uri) =>
    name === "vscode.executeDocumentSymbolProvider" ? state.symbols.get(uri.toString()) : told.push({ ran: name }),
};
export const tasks = {
  registerTaskProvider: (type, provider) => {
    state.providers.set(type, provider);
    return { dispose: () => state.providers.delete(type) };
  },
};
export class ProcessExecution {
  constructor(command, args, options) {
    Object.assign(this, { command, args, options });
  }
}
export class Task {
  constructor(definition, scope, name, source, execution, matcher) {
    Object.assign(this, { definition, scope, name, source, execution, matcher });
  }
}
export const TaskScope = { Global: 1, Workspace: 2 };
export const TaskGroup = { Build: "build" };
export const SymbolKind = { Module: 1, Function: 11 };
export const ViewColumn = { One: 1, Beside: -2 };
export { Uri };
