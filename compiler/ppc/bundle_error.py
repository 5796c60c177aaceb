"""What keeps a program from being put into one file."""

from __future__ import annotations


class BundleError(Exception):
    """The message says what is missing or wrong, and what to do, for the person who asked for the file."""
