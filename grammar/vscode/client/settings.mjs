// From the settings of the editor to how `ppc` is called. Nothing here knows the editor.

import path from "node:path";

/**
 * What stands under `ppd` in the settings.
 * @typedef {object} Settings
 * @property {string} ppc where the command `ppc` is; empty: in the workspace's `.venv`, else on the path
 * @property {string} python the Python whose packages the tasks have; empty: that of the nearest `.venv`
 * @property {string[]} path further folders of included files and Python modules
 */

/**
 * The command `ppc`, and what all of its calls are given.
 * @typedef {object} Compiler
 * @property {string} command
 * @property {string[]} options
 */

/**
 * @param {Settings} settings
 * @param {string | undefined} folder that of the workspace, if there is one
 * @param {(file: string) => boolean} exists
 * @param {boolean} windows
 * @returns {Compiler}
 */
export function compiler(settings, folder, exists, windows) {
  const options = settings.path.flatMap((each) => ["--path", placed(each, folder)]);
  if (settings.python) {
    options.push("--python", program(settings.python, folder));
  }
  return { command: settings.ppc ? program(settings.ppc, folder) : found(folder, exists, windows), options };
}

/**
 * @param {string | undefined} folder
 * @param {(file: string) => boolean} exists
 * @param {boolean} windows
 */
function found(folder, exists, windows) {
  const own = folder && path.join(folder, ".venv", ...(windows ? ["Scripts", "ppc.exe"] : ["bin", "ppc"]));
  return own && exists(own) ? own : "ppc";
}

/**
 * A command of the settings: a mere name is looked for on the path, all else is a path.
 * @param {string} written
 * @param {string | undefined} folder
 */
function program(written, folder) {
  return /[\\/]|^\./.test(written) ? placed(written, folder) : written;
}

/**
 * A path of the settings: from the workspace's folder, unless it is absolute.
 * @param {string} written
 * @param {string | undefined} folder
 */
function placed(written, folder) {
  const whole = written.replaceAll("${workspaceFolder}", folder ?? "");
  return folder === undefined || path.isAbsolute(whole) ? whole : path.join(folder, whole);
}
