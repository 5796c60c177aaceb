"""The Pythons that a program in one file is made for: what they are, and bytecode that they compile."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ppacer.records import dataclass
from ppc.cli_python import PythonError

_ABOUT = """
import json, os, platform, sys, sysconfig
version = "{0.major}.{0.minor}.{0.micro}".format(sys.implementation.version)
if sys.implementation.version.releaselevel != "final":
    version += sys.implementation.version.releaselevel[0] + str(sys.implementation.version.serial)
print(json.dumps({
    "tag": sys.implementation.cache_tag, "platform": sysconfig.get_platform(), "version": list(sys.version_info[:2]),
    "markers": {
        "implementation_name": sys.implementation.name, "implementation_version": version, "os_name": os.name,
        "platform_machine": platform.machine(), "platform_release": platform.release(),
        "platform_system": platform.system(), "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "platform_python_implementation": platform.python_implementation(),
        "python_version": ".".join(platform.python_version_tuple()[:2]), "sys_platform": sys.platform,
    },
}))
"""
# For each source of the input, a list of names and texts, the file of bytecode: its length in four bytes, then itself;
# nothing for a source that is no Python of this version. Unchecked: nothing looks at the sources when it is loaded.
_COMPILE = """
import importlib.util, json, marshal, struct, sys, warnings
warnings.simplefilter("ignore")
for name, text in json.load(sys.stdin):
    source = text.encode("latin-1")
    try:
        code = marshal.dumps(compile(source, name, "exec", dont_inherit=True, optimize=0))
        head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
        content = head + code
    except (SyntaxError, ValueError, RecursionError):
        content = b""
    sys.stdout.buffer.write(struct.pack("<I", len(content)) + content)
"""
_PROBE_SECONDS = 30
_COMPILE_SECONDS = 600


class _About(TypedDict):
    tag: str | None
    platform: str
    version: list[int]
    markers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """A Python. `tag` is what it calls its bytecode (`cpython-311`), `platform` its system and processor, `markers`
    what requirements of distributions may depend on."""

    executable: str
    tag: str
    platform: str
    markers: Mapping[str, str]


def find_target(executable: str) -> Target:
    """The Python at that path, or of that name. Raises `PythonError` where there is none that programs run on."""
    done = _run(executable, _ABOUT, b"", _PROBE_SECONDS)
    try:
        about: _About = json.loads(done)
        tag = about["tag"]
        if tag is None or tuple(about["version"]) < (3, 11):
            raise ValueError(".".join(map(str, about["version"])))
    except (ValueError, KeyError, TypeError) as error:
        raise PythonError(f"{executable} is no Python 3.11 or newer that keeps bytecode ({error})") from error
    return Target(executable, tag, about["platform"], about["markers"])


def named_target(name: str) -> Target:
    """The Python that somebody named: `3.12`, which is the `python3.12` that is found, or an executable."""
    version = name.replace(".", "", 1)
    return find_target(f"python{name}" if version.isdecimal() and version.isascii() and "." in name else name)


def compile_for(target: Target, sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """Each source's bytecode, as that Python's files of bytecode hold it; empty where it is no Python of that version.

    The names are what tracebacks will show. It is the same for the same sources: what bytecode depends on besides, the
    seed of hashes and what else is in the process, is the same each time. Raises `PythonError`.
    """
    texts = json.dumps([(name, source.decode("latin-1")) for name, source in sources]).encode()
    output = _run(target.executable, _COMPILE, texts, _COMPILE_SECONDS)
    compiled: list[bytes] = []
    place = 0
    for _ in sources:
        (size,) = struct.unpack_from("<I", output, place)
        compiled.append(output[place + 4 : place + 4 + size])
        place += 4 + size
    return compiled


def _run(executable: str, script: str, given: bytes, seconds: int) -> bytes:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(
            [executable, "-S", "-s", "-B", "-c", script],
            input=given,
            capture_output=True,
            check=False,
            timeout=seconds,
            env={**kept, "PYTHONHASHSEED": "0"},
        )
    except FileNotFoundError as error:
        raise PythonError(f"there is no Python {executable} here") from error
    except OSError as error:
        raise PythonError(f"cannot run the Python {executable}: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise PythonError(f"the Python {executable} gave no answer within {seconds} seconds") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        raise PythonError(f"{executable} is no Python 3.11 or newer: {said[-1]}")
    return done.stdout
