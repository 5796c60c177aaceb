"""The ppacer compiler: from `.ppd` sources to a standalone Python program. Importing this package imports nothing."""

from ppacer import __version__

__all__ = ["__version__"]
