# ruff: noqa: F401
import sys

if sys.platform == "win32":

    def place() -> str:
        return "C:"
else:

    def place(root: str) -> str:
        return root


try:
    from fast import dumps
except ImportError:
    from json import dumps


def __getattr__(name: str) -> object:
    raise AttributeError(name)
