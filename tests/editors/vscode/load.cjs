// Loads the extension as an editor does, with something in the place of the editor's own module, and prints what it
// exports.
const Module = require("node:module");

const stand = new Proxy(class {}, { get: (target, name) => (name in target ? target[name] : stand) });
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? stand : load(name, ...rest));
process.stdout.write(JSON.stringify(Object.keys(require(process.argv[2])).sort()));
