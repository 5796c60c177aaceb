// The extension with what stands in for the editor and the server, as one bundle: all three see the same state.

import * as extension from "./extension/client/extension.mjs";
import * as editor from "vscode";
import * as languageclient from "vscode-languageclient/node";

export { editor, extension, languageclient };
