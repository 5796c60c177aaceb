"""The namespace of what is kept: there is one, until projects get an interface."""

from __future__ import annotations

PROJECT = "default"
"""That of every dag, run, user and token."""
