"""The line of an error that says the most."""

from __future__ import annotations

import re

_LONGEST = 500
_OWN_FAULT = re.compile(r"ppacer(\.\w+)+: (?=.)")
"""The name of a fault of the runtime's own, whose text says all that people need."""

_CHAINS = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
"""What stands between the tracebacks of an exception's causes and its own, which is the last."""


def gist(error: str) -> str:
    """Of a traceback the line with the exception, of other texts the first line; at most 500 characters."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):  # a cause that was never raised has none
        lines = lines[max((at + 1 for at, line in enumerate(lines[:-1]) if line in _CHAINS), default=0) :]
    if len(lines) > 1 and lines[0].startswith("Traceback"):
        lines = lines[next((at for at, line in enumerate(lines) if at and not line.startswith(" ")), -1) :]
    text = lines[0] if lines else ""
    if len(lines) > 1 and text.endswith(":"):
        text = f"{text} {lines[1].strip()}"
    text = _OWN_FAULT.sub("", text, count=1) if _OWN_FAULT.match(text) else text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
