// Says what the TextMate grammar makes of texts, as VS Code would: reads {modules, grammar, texts} as JSON from the
// standard input, and writes for each text a list of [start, end, innermost scope], in characters (code points).
const fs = require("fs");
const { createRequire } = require("module");

const { modules, grammar: grammarFile, texts } = JSON.parse(fs.readFileSync(0, "utf8"));
const installed = createRequire(modules + "/package.json");
const { Registry, INITIAL, parseRawGrammar } = installed("vscode-textmate");
const oniguruma = installed("vscode-oniguruma");

async function main() {
  await oniguruma.loadWASM(fs.readFileSync(installed.resolve("vscode-oniguruma/release/onig.wasm")).buffer);
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => parseRawGrammar(fs.readFileSync(grammarFile, "utf8"), grammarFile),
  });
  const grammar = await registry.loadGrammar("source.ppd");
  process.stdout.write(JSON.stringify(texts.map((text) => pieces(grammar, text))));
}

function pieces(grammar, text) {
  const found = [];
  let stack = INITIAL;
  let lineStart = 0;
  for (const [, line, end] of text.matchAll(/([^\r\n]*)(\r\n?|\n|$)/g)) {
    const result = grammar.tokenizeLine(line, stack);
    stack = result.ruleStack;
    let at = lineStart;
    for (const token of result.tokens) {
      const length = [...line.slice(token.startIndex, token.endIndex)].length;
      found.push([at, at + length, token.scopes.at(-1)]);
      at += length;
    }
    lineStart += [...line].length + end.length;
  }
  return found;
}

main();
