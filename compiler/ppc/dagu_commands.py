"""The commands of Dagu's steps, as `sh` is to do them."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from typing import Final

from ppacer.core.notation import duration_text
from ppc.dagu_values import Scope, fields
from ppc.dagu_yaml import Node

_PLAIN_SHELLS: Final = frozenset({"sh", "/bin/sh", "/usr/bin/sh"})
_INLINE: Final = {"bash": "-c", "zsh": "-c", "dash": "-c", "python": "-c", "python3": "-c", "perl": "-e", "node": "-e"}
"""Interpreters, and how each is given a script as an argument."""

_FOREIGN: Final = re.compile(r"\$\{(?!env\.|params\.)\w+\.[^}]*\}|\$\{?DAG_RUN_(?!ID\b|STEP_NAME\b)\w+|\$\{?ITEM\b")
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_STOPS: Final = re.compile(r"#!|\s*set -\w*e")
_NAMESPACE: Final = re.compile(r"\$\{(?:env|params)\.(\w+)\}")


class RejectedError(Exception):
    """A step that cannot be translated as a whole. The message says why."""


def command_of(found: dict[str, Node], scope: Scope, of_dag: Node | None) -> str:
    """What `sh` is to do; `of_dag` is the shell that the dag sets. Raises `RejectedError`."""
    given = fields(found["with"].value) if "with" in found and isinstance(found["with"].value, dict) else {}
    shell = given.get("shell") or found.get("shell") or of_dag
    if "action" in found or "exec" in found:
        whole = given if "action" in found else fields(mapping(found["exec"]))
        words = [
            text_of(whole, "command"),
            *(each.text() for each in (whole["args"].items() if "args" in whole else [])),
        ]
        text = " ".join(_quoted(word) for word in words)
    else:
        text, interpreter = _written(found)
        if interpreter:
            shell = Node(1, interpreter)
    text = checked(text, scope)
    words = [each.text() for each in shell.items()] if shell is not None else []
    try:
        words = shlex.split(words[0]) if len(words) == 1 else words
    except ValueError as error:
        raise RejectedError(f"its shell {words[0]!r}: {error}") from error
    if not words:
        return text if "action" in found or "exec" in found else _stopping(text)
    if words[0] in _PLAIN_SHELLS and len(words) == 1:
        return text
    program = words[0].rsplit("/", 1)[-1]
    if program in _PLAIN_SHELLS:
        flag = "-c"
    elif program in _INLINE:
        flag = _INLINE[program]
    else:
        raise RejectedError(f"a script for {words[0]}")
    options = [word for word in words[1:] if word != flag]
    return f"{shlex.join([words[0], *options, flag])} {shlex.quote(text)}"


def _stopping(text: str) -> str:
    """Several commands, of which the first that fails ends all: where no shell is named, Dagu has its own do so (from
    1.18 on, https://github.com/dagucloud/dagu/pull/1090)."""
    bare = _QUOTED.sub("", text)
    if _STOPS.match(text) or not {"\n", ";"} & set(bare):
        return text
    return f"set -e\n{text}" if "\n" in bare else f"set -e; {text}"


def mapping(node: Node) -> dict[str, Node]:
    """A step as its fields; a text is its command."""
    if isinstance(node.value, dict):
        return node.value
    if isinstance(node.value, str):
        return {"run": node}
    raise RejectedError("this is no step")


def _written(found: dict[str, Node]) -> tuple[str, str]:
    """The text of a command or script, and what reads it if that is not the shell."""
    given = found.get("run") or found.get("command") or found.get("cmd")
    script = found.get("script")
    if given is not None and isinstance(given.value, dict):
        raise RejectedError("its command is a mapping")
    lines = [] if given is None else [each.text() for each in given.items() if each.scalar]
    if script is not None and "script" in found:
        return script.text().rstrip("\n"), lines[0] if lines else ""
    if not lines or not any(line.strip() for line in lines):
        raise RejectedError("it has no command")
    extra = found["args"].items() if "args" in found else []
    if len(lines) > 1 and "run" not in found:
        raise RejectedError("releases differ on whether a list as `command` is words or commands; `run` takes commands")
    text = " && ".join(f"( {line} )" for line in lines) if len(lines) > 1 else lines[0].rstrip("\n")
    return " ".join([text, *(each.text() for each in extra)]), ""


def checked(text: str, scope: Scope) -> str:
    """A text of a shell that says here what it says there. Raises `RejectedError` where there is none."""
    if match := _FOREIGN.search(text):
        raise RejectedError(f"it reads {match[0]}")
    if scope.positional and (match := re.search(r"\$\{?[1-9]", text)):
        raise RejectedError(f"it reads {match[0]}, a param without a name")
    for quoted in re.findall(r"'[^']*'", text):
        for name in re.findall(r"\$\{?(?:env\.|params\.)?(\w+)", quoted):
            if name in scope.variables:
                raise RejectedError(f"Dagu puts in {name} between single quotes too, and the shell does not")
    return _NAMESPACE.sub(r"${\1}", text)


def _quoted(word: str) -> str:
    """A word of a command, in which the shell puts in variables."""
    return f'"{word}"' if "$" in word and '"' not in word else shlex.quote(word)


def text_of(given: dict[str, Node], name: str) -> str:
    return given[name].text() if name in given else ""


def seconds(node: Node, what: str) -> str:
    if node.count is None:
        raise RejectedError(f"its `{what}` is not a number of seconds")
    return duration_text(timedelta(seconds=node.count))


def scalars(nodes: list[Node]) -> list[Node]:
    """The scalars in there."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node.value, list):
            found += scalars(node.value)
        elif isinstance(node.value, dict):
            found += scalars(list(node.value.values()))
        else:
            found.append(node)
    return found
