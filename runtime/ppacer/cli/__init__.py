"""The commands of a generated program. `main` is what the program calls; nothing heavy is imported until needed."""

from ppacer.cli.entry import main

__all__ = ["main"]
