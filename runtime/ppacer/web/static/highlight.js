// Colours for source: `.ppd` and Python, by the few kinds of tokens that matter to a reader. It never fails: what it does
// not know is plain text, and all text stays as it is.

import { h } from "./dom.js";

// The words of the language, as `ppd.words` has them (a test compares).
export const PPD = {
  declarations: ["dag", "defaults", "finally", "from", "group", "import", "include", "label", "let", "notifier", "on", "param", "pool", "task", "template"],
  clauses: ["as", "when"],
  operators: ["and", "in", "not", "or"],
  constants: ["true", "false", "none"],
  scopes: ["run", "params", "env", "secret", "task"],
};

const PYTHON = {
  keywords: ["and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield"],
  constants: ["True", "False", "None", "self", "cls"],
};

const STRING = /[rbfuRBFU]{0,2}(?:"""(?:[^\\]|\\[^])*?(?:"""|$)|'''(?:[^\\]|\\[^])*?(?:'''|$)|"(?:[^"\\\n]|\\[^])*(?:"|(?=\n)|$)|'(?:[^'\\\n]|\\[^])*(?:'|(?=\n)|$))/y;
const COMMENT = /#[^\n]*/y;
const NUMBER = /\d[\w.:-]*(?<![.:-])/y;
const NAME = /[A-Za-z_]\w*/y;
const OTHER = /[^\w"'#]+?(?=[\w"'#]|$)/y;
const DECORATOR = /@[\w.]+/y;

const kinds = (words) => new Map(Object.entries(words).flatMap(([kind, list]) => list.map((word) => [word, kind])));
const LANGUAGES = {
  ppd: { words: kinds({ constant: PPD.constants, scope: PPD.scopes, keyword: [...PPD.declarations, ...PPD.clauses, ...PPD.operators] }), defines: new Set(["dag", "task", "group", "param", "let", "pool", "label", "notifier", "template"]) },
  python: { words: kinds({ keyword: PYTHON.keywords, constant: PYTHON.constants }), defines: new Set(["def", "class"]) },
};

// The tokens of a text as `[kind, text]`; kinds are keyword, constant, scope, name, string, number, comment, decorator, text.
export function tokens(text, language) {
  const { words, defines } = LANGUAGES[language];
  const found = [];
  let last = "";
  for (let at = 0; at < text.length;) {
    const match = (pattern) => { pattern.lastIndex = at; return pattern.exec(text)?.[0]; };
    let kind = "text";
    let token;
    if ((token = match(COMMENT))) kind = "comment";
    else if ((token = match(STRING))) kind = "string";
    else if (language === "python" && (token = match(DECORATOR))) kind = "decorator";
    else if ((token = match(NAME))) {
      const attribute = last === ".";
      kind = defines.has(last) ? "name" : attribute ? "text" : words.get(token) ?? "text";
      last = token;
    } else if ((token = match(NUMBER))) kind = "number";
    else token = match(OTHER) ?? text[at];
    if (kind === "text" && token.trim()) last = /\w/.test(token) ? token : token.trim().slice(-1);
    else if (kind !== "name" && kind !== "text" && kind !== "keyword" && kind !== "scope") last = "";
    if (kind === "name") last = "";
    found.push([kind, token]);
    at += token.length;
  }
  return found;
}

// A text with line numbers from `first` on, each line an element that a link can name.
export function code(text, language, first = 1) {
  const lines = [[]];
  for (const [kind, token] of tokens(text.replace(/\n$/, ""), language)) {
    token.split("\n").forEach((piece, index) => {
      if (index) lines.push([]);
      if (piece) lines.at(-1).push(kind === "text" ? piece : h("span", { class: `t-${kind}` }, piece));
    });
  }
  return h("pre", { class: "code", tabindex: 0 }, h("code", {}, lines.map((line, index) =>
    h("span", { class: "line", "data-line": first + index }, line, "\n"))));
}
