// Where dags and tasks stand in a file, by the symbols that the language server tells of it. Nothing here knows the
// editor.

/**
 * As the protocol and the editor have it; lines count from 0.
 * @typedef {object} Symbol
 * @property {string} name
 * @property {number} kind
 * @property {{ start: Position, end: Position }} range
 * @property {{ start: Position, end: Position }} selectionRange
 * @property {Symbol[]} [children]
 *
 * @typedef {{ line: number, character: number }} Position
 */

const HANDLERS = new Set(["on success", "on failure", "finally"]);

/**
 * The name of the dag that a line belongs to; none where it belongs to no dag.
 * @param {readonly Symbol[]} symbols
 * @param {number} line
 * @param {number} dagKind what kind of symbol a dag is
 */
export function dagAt(symbols, line, dagKind) {
  const found = symbols.find(
    (each) => each.kind === dagKind && each.range.start.line <= line && line <= each.range.end.line,
  );
  return found?.name;
}

/**
 * Where a task of a dag is declared: `load`, `raw["eu"]`, `orders.dump`. Of what comes out of a template it is where the
 * template is used.
 * @template {Symbol} S
 * @param {readonly S[]} symbols
 * @param {string} dag
 * @param {string} task
 * @returns {S["selectionRange"] | undefined}
 */
export function placeOf(symbols, dag, task) {
  /** @type {Symbol | undefined} */
  let at = symbols.find((each) => each.name === dag);
  for (const name of names(task)) {
    const inner = within(at?.children ?? []).find((each) => each.name === name);
    if (inner === undefined) {
      break;
    }
    at = inner;
  }
  return at?.selectionRange;
}

/**
 * The parts of a task's name between dots, without what stands in brackets.
 * @param {string} task
 */
function names(task) {
  const bare = task.replaceAll(/\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\]/g, "");
  return bare.split(".");
}

/**
 * Symbols with those inside of handlers, which are no part of their tasks' names.
 * @param {readonly Symbol[]} symbols
 * @returns {Symbol[]}
 */
function within(symbols) {
  return symbols.flatMap((each) => (HANDLERS.has(each.name) ? [each, ...(each.children ?? [])] : [each]));
}
