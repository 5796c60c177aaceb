// The one token of `.ppd` that depends on where it stands: the `[` of an index is on the line of what it reads from, since
// a `[` on a line of its own begins an edge.

#include "tree_sitter/parser.h"

enum { INDEX_BRACKET };

void *tree_sitter_ppd_external_scanner_create(void) { return NULL; }

void tree_sitter_ppd_external_scanner_destroy(void *payload) { (void)payload; }

unsigned tree_sitter_ppd_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload, (void)buffer;
  return 0;
}

void tree_sitter_ppd_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload, (void)buffer, (void)length;
}

bool tree_sitter_ppd_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  if (!valid[INDEX_BRACKET]) return false;
  while (lexer->lookahead == ' ' || lexer->lookahead == '\t') lexer->advance(lexer, true);
  if (lexer->lookahead != '[') return false;
  lexer->advance(lexer, false);
  lexer->result_symbol = INDEX_BRACKET;
  return true;
}
