// The commands of `ppc` that are offered as tasks. Nothing here knows the editor.

/** @typedef {import("./settings.mjs").Compiler} Compiler */

export const TYPE = "ppc";

/** The commands, and whether one goes on until it is ended. */
export const COMMANDS = Object.freeze({ check: false, build: false, dev: true });

/**
 * A task as it stands in `tasks.json`.
 * @typedef {object} Definition
 * @property {string} type
 * @property {keyof typeof COMMANDS} command
 * @property {string} file
 * @property {string[]} [args] those of `ppc`, or with `dev` those of the program that it starts
 */

/**
 * @param {Definition} definition
 * @param {Compiler} ppc
 * @returns {{ label: string, command: string, args: string[], matcher: string, background: boolean }}
 */
export function called(definition, ppc) {
  const { command, file, args = [] } = definition;
  const background = COMMANDS[command];
  return {
    label: `${command} ${file}`,
    command: ppc.command,
    args: [command, ...ppc.options, file, ...args],
    matcher: background ? "$ppc-dev" : "$ppc",
    background,
  };
}
