"""The language server: the compiler's own stages, asked by an editor. The protocol is known only here."""
