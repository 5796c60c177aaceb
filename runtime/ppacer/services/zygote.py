"""The zygote: the program itself, re-executed small, which forks a worker whenever the executor asks for one.

It is single-threaded, so forking is safe. The executor holds the other end of its channel and says
`{"home": folder, "secrets": source, "preload": modules}` once, then `{"spawn": n, "shared": bool}` (with three
descriptors: the worker's channel, stdout and stderr) or `{"kill": n, "signal": s}`; the zygote tells `{"exited": n,
"status": s}` or `{"failed": n, "error": text}`, and `{"preload": module, "why_not": text}`. When the channel ends, the
executor is gone: everything that descends from the zygote is killed, then it ends.
"""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ppacer.services import worker, worker_tree
from ppacer.services.worker import Settings, extend_search_path
from ppacer.services.worker_frames import FrameReader, Message, frame
from ppacer.services.worker_preload import Preloader
from ppacer.services.worker_records import prepare_logging

_DESCRIPTORS = 3
_CHUNK = 65536
_END_SECONDS = 5.0


def main(argv: Sequence[str], callables: Mapping[str, Callable[[], object]], search_path: Sequence[str]) -> int:
    """Runs a zygote for the executor at the other end of the socket whose descriptor is `argv[0]`."""
    if len(argv) != 1 or not argv[0].isdecimal():
        sys.stderr.write("error: this command is the program's own: an executor starts it\n")
        return 2
    try:
        channel = socket.socket(fileno=int(argv[0]))
    except OSError:
        sys.stderr.write("error: this command is the program's own: an executor starts it\n")
        return 2
    with channel:
        channel.set_inheritable(False)
        _Zygote(channel, callables, search_path).run()
    sys.stderr.flush()
    os._exit(0)  # what the users' modules have registered for the end is their workers' business


class _ExecutorGoneError(Exception):
    pass


class _Zygote:
    def __init__(
        self, channel: socket.socket, callables: Mapping[str, Callable[[], object]], search_path: Sequence[str]
    ) -> None:
        self._channel = channel
        self._settings = Settings(callables, os.curdir, None)
        extend_search_path(search_path)
        self._reader = FrameReader()
        self._descriptors: list[int] = []
        self._pids: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._wake, self._wakened = socket.socketpair()
        self._preloader = Preloader(self._fork_probe, self._told_of_module)

    def run(self) -> None:
        worker_tree.adopt_orphans()
        self._wake.setblocking(False)
        self._wakened.setblocking(False)
        signal.set_wakeup_fd(self._wakened.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        prepare_logging()
        gc.collect()
        gc.freeze()
        try:
            while True:
                self._turn()
        except _ExecutorGoneError:
            self._end_all()

    def _turn(self) -> None:
        """Waits for something to happen, and deals with it."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        preloader = self._preloader
        if preloader.descriptor is not None:
            poll.register(preloader.descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(preloader.milliseconds())}
        if self._wake.fileno() in ready:
            self._on_wake()
        if self._channel.fileno() in ready:
            preloader.postpone()
            self._on_readable()
        elif preloader.descriptor in ready:
            preloader.hear()
        else:
            preloader.go_on()

    def _on_signal(self, number: int, _frame: object) -> None:
        """Exists so that the signal is written into the wake-up socket rather than lost or deadly."""

    def _on_wake(self) -> None:
        if signal.SIGTERM in self._wake.recv(_CHUNK):
            raise _ExecutorGoneError
        self._reap()

    def _on_readable(self) -> None:
        try:
            data, descriptors, flags, _ = socket.recv_fds(self._channel, _CHUNK, 256)
        except OSError:
            raise _ExecutorGoneError from None
        if flags & socket.MSG_CTRUNC:
            raise OSError(errno.EMFILE, "descriptors for workers were lost: too many open files")
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        self._descriptors += descriptors
        if not data:
            raise _ExecutorGoneError
        for message in self._reader.feed(data):
            match message:
                case {"spawn": int(worker_id), "shared": bool(shared)}:
                    self._spawn(worker_id, shared=shared)
                case {"kill": int(worker_id), "signal": int(number)}:
                    self._kill(worker_id, number)
                case {"home": str(home), "secrets": str() | None as secrets, "preload": list(modules)}:
                    self._settings = replace(self._settings, home=home, secrets=secrets)
                    self._preloader.add(map(str, modules))
                case _:
                    raise ValueError(f"no message for a zygote: {message}")

    def _spawn(self, worker_id: int, *, shared: bool) -> None:
        descriptors = self._descriptors[:_DESCRIPTORS]
        del self._descriptors[:_DESCRIPTORS]
        _serve(shared=shared)
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as fault:
            self._send({"failed": worker_id, "error": os.strerror(fault.errno or errno.EAGAIN)})
            pid = -1
        if pid == 0:
            self._become_worker(parent, descriptors, shared=shared)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid > 0:
            self._pids[worker_id] = pid
            self._ids[pid] = worker_id

    def _become_worker(self, parent: int, descriptors: Sequence[int], *, shared: bool) -> None:
        """Runs in the new process, and never returns."""
        code = 1
        try:
            self._become_child(parent)
            worker_tree.adopt_orphans()
            channel, stdout, stderr = descriptors
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            os.close(stdout)
            os.close(stderr)
            _serve(shared=shared)(socket.socket(fileno=channel), self._settings)
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
        finally:
            os._exit(code)

    def _become_child(self, parent: int) -> None:
        """What each new process begins with."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        worker_tree.die_with_parent(parent)
        worker_tree.prefer_for_memory_kill()
        self._channel.close()
        self._wake.close()
        self._wakened.close()

    def _fork_probe(self, run: Callable[[], None]) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._become_child(parent)
                run()
            finally:
                os._exit(0)
        return pid

    def _told_of_module(self, module: str, why_not: str) -> None:
        self._send({"preload": module, "why_not": why_not})

    def _kill(self, worker_id: int, number: int) -> None:
        """A worker that has ended but is not reaped yet still holds its id, so this never hits a stranger."""
        pid = self._pids.get(worker_id)
        if pid is None:
            return
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            os.kill(pid, number)  # it has not made its session yet

    def _reap(self) -> None:
        reaped = False
        exited: list[Message] = []
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                reaped = True
                worker_id = self._ids.pop(pid, None)
                if worker_id is not None:
                    del self._pids[worker_id]
                    if not worker_tree.LINUX:
                        _kill_group(pid)
                    exited.append({"exited": worker_id, "status": os.waitstatus_to_exitcode(status)})
        except ChildProcessError:
            pass
        if reaped:
            self._kill_leftovers()
        for message in exited:
            self._send(message)

    def _kill_leftovers(self) -> None:
        for pid in worker_tree.children() - self._ids.keys() - {self._preloader.probe}:
            _kill_process(pid)

    def _send(self, message: Message) -> None:
        try:
            self._channel.sendall(frame(message))
        except OSError:
            raise _ExecutorGoneError from None

    def _end_all(self) -> None:
        until = time.monotonic() + _END_SECONDS
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        while time.monotonic() < until:
            for pid in self._ids.keys() | worker_tree.children():
                if pid in self._ids:
                    _kill_group(pid)
                _kill_process(pid)
            try:
                while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                    self._ids.pop(ended, None)
            except ChildProcessError:
                return
            if poll.poll(50):
                self._wake.recv(_CHUNK)


def _serve(*, shared: bool) -> Callable[[socket.socket, Settings], None]:
    """What a worker of that kind does; loaded here, once for all."""
    if not shared:
        return worker.serve
    from ppacer.services import worker_shared  # noqa: PLC0415 (few programs need it)

    return worker_shared.serve


def _kill_process(pid: int) -> None:
    """Kills a child, which cannot be a stranger: its id is its own until it is reaped."""
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:
        return  # it runs under another user's id


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
