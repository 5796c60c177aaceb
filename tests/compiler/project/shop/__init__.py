# ruff: noqa: F401, F403
"""The Python project that the cases import. None of it is ever executed: it fails on import."""

from shop.etl import extract as pull
from shop.tools import *

raise RuntimeError("the compiler has executed user code")
