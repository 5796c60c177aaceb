"""An exception as the text that a user reads: its traceback without the runtime's own frames."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import TracebackType

MAX_ERROR = 65536
"""The longest text of an error, in characters: of a longer one the beginning and the end are kept."""

_HEAD = 16384
_RUNTIME = str(Path((lambda: None).__code__.co_filename).parent.parent)
"""As code objects have it: in a program that is one file, theirs are other names than the modules' own. So begins, too,
the name of the module that such a program itself is there, `ppacer_program`."""
_ASYNCIO = str(Path(traceback.print_exc.__code__.co_filename).with_name("asyncio"))


def describe(fault: BaseException) -> str:
    """The traceback from the user's first frame on, or the bare exception where no frame is the user's."""
    try:
        shown = traceback.TracebackException(type(fault), fault, _users_part(fault.__traceback__), compact=True)
        lines = list(shown.format())
        if not shown.stack and not (shown.__cause__ or shown.__context__):
            lines = list(shown.format_exception_only())
        text = "".join(lines).rstrip("\n")
    except Exception as second:
        text = f"{type(fault).__name__} (which cannot be shown: {type(second).__name__})"
    return text.encode("utf-8", "backslashreplace").decode()


def shorten(text: str) -> str:
    """The text, or its beginning and its end where it is longer than `MAX_ERROR`."""
    if len(text) <= MAX_ERROR:
        return text
    left_out = len(text) - MAX_ERROR
    return f"{text[:_HEAD]}\n… {left_out} characters left out …\n{text[_HEAD + left_out :]}"


def _users_part(frames: TracebackType | None) -> TracebackType | None:
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    while frames is not None and _is_runtime(frames.tb_frame.f_code.co_filename, program):
        frames = frames.tb_next
    return frames


def _is_runtime(file: str, program: str | None) -> bool:
    return file == program or file.startswith((_RUNTIME, _ASYNCIO, "<frozen importlib"))
