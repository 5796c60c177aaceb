"""Faults of a database that are real: what is done to a running program's files, disk and locks, and undone again."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

FAULT = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fails, while the file FAULTS_WHILE exists, what is done to files whose names end in FAULTS_IN. */
static int struck(int descriptor) {
  const char *when = getenv("FAULTS_WHILE"), *in = getenv("FAULTS_IN");
  char link[64], name[4096];
  if (!when || !in || access(when, F_OK) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < (ssize_t)strlen(in)) return 0;
  name[length] = 0;
  return strcmp(name + length - strlen(in), in) == 0;
}
#define FAILS(type, name, parameters, arguments)                              \\
  type name parameters {                                                      \\
    static type (*real) parameters;                                           \\
    if (struck(descriptor)) { errno = EIO; return -1; }                       \\
    if (!real) real = dlsym(RTLD_NEXT, #name);                                \\
    return real arguments;                                                    \\
  }
#if WRITES
FAILS(ssize_t, pwrite, (int descriptor, const void *b, size_t n, off_t o), (descriptor, b, n, o))
FAILS(ssize_t, pwrite64, (int descriptor, const void *b, size_t n, off64_t o), (descriptor, b, n, o))
FAILS(ssize_t, write, (int descriptor, const void *b, size_t n), (descriptor, b, n))
#else
FAILS(int, fsync, (int descriptor), (descriptor))
FAILS(int, fdatasync, (int descriptor), (descriptor))
#endif
"""


def failing_library(folder: Path, *, writes: bool) -> Path:
    """A library that makes writes, or waits for the disk, fail as a broken disk does (EIO)."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a fault of the disk takes a C compiler")
    source, library = folder / "fault.c", folder / "fault.so"
    source.write_text(FAULT)
    wanted = f"-DWRITES={int(writes)}"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", wanted, "-o", library, source, "-ldl"], check=True)
    return library


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes, in memory."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("a disk of its own takes the right to mount; `too_large` stands for it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Nothing is left of the disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


@contextmanager
def too_large(pid: int, size: int) -> Iterator[None]:
    """A process may not write beyond so many bytes of any file."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def immutable(*files: Path) -> Iterator[None]:
    """Nobody may change the files, root included."""
    done = subprocess.run(["chattr", "+i", *files], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("files that nobody may change take root and a filesystem that knows them")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process's transaction that does not end."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def moved(*files: Path) -> Iterator[None]:
    """The files are elsewhere for a while."""
    for file in files:
        file.rename(file.with_name(f"{file.name}.away"))
    yield
    for file in files:
        file.with_name(f"{file.name}.away").rename(file)


@contextmanager
def replaced(file: Path, other: Path) -> Iterator[None]:
    """Another file stands in the place of this one for a while."""
    file.rename(file.with_name(f"{file.name}.away"))
    shutil.copy(other, file)
    yield
    file.with_name(f"{file.name}.away").rename(file)


@contextmanager
def broken_disk(trigger: Path) -> Iterator[None]:
    """What `failing_library` fails is failing."""
    trigger.touch()
    yield
    trigger.unlink()


def preload(library: Path, trigger: Path, ending: str) -> dict[str, str]:
    """The environment in which a program meets those faults in files whose names end so."""
    return {"LD_PRELOAD": str(library), "FAULTS_WHILE": str(trigger), "FAULTS_IN": ending}
