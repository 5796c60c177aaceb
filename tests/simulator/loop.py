"""Virtual time, and processes in it, each with an asyncio loop of its own that runs only as the timeline says.

A loop here has no selector, no thread and no clock: what is ready runs at once, what is timed stands on the timeline,
and time goes on only when nothing is left to do. A process may stand still (SIGSTOP): what would have run meanwhile
runs, in order, when it goes on. A process that is killed runs nothing ever again. The order of everything is that of
the calls, so the same calls give the same order, always.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

MOST_IN_A_ROW = 200_000
"""So many callbacks at one instant of one process are a loop that never ends."""

RESOLUTION = 1e-6
"""Timers go off this many seconds late: like real ones never early, and never without any time passing."""


class Killed(BaseException):
    """The process dies in the middle of what it does: raised by what stands for the world outside of it."""


class Stuck(Exception):
    """A process that goes on for ever without any time passing."""


class Timeline:
    """`now` is in seconds of virtual time. `steps` counts the callbacks that were run; `halted` ends it all."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.steps = 0
        self.halted = False
        self._agenda: list[tuple[float, int, Callable[..., object], Any]] = []
        self._number = 0

    def at(self, when: float, call: Callable[..., object], argument: Any = None) -> None:
        """Calls with the argument at that time, and not before."""
        self._number += 1
        heapq.heappush(self._agenda, (max(when, self.now), self._number, call, argument))

    def after(self, seconds: float, call: Callable[..., object], argument: Any = None) -> None:
        self.at(self.now + seconds, call, argument)

    def run(self, over: Callable[[], bool], until: float) -> bool:
        """Lets time go on until it is `over`, or halted; false if that is not so by `until`."""
        agenda, pop = self._agenda, heapq.heappop
        while not self.halted and not over():
            if not agenda or agenda[0][0] > until:
                self.now = until
                return False
            self.now, _, call, argument = pop(agenda)
            call(argument)
        return True


class Process(asyncio.AbstractEventLoop):
    """One operating-system process, as far as asyncio can tell. `rate` is how fast its monotonic clock runs, `wall` the
    microseconds by which its clock on the wall is ahead of the true one, `failed` is told what nobody handles."""

    def __init__(self, timeline: Timeline, name: str, failed: Callable[[str, dict[str, Any]], None]) -> None:
        self.timeline = timeline
        self.name = name
        self.rate = 1.0
        self.wall = 0
        self.dead = False
        self.stopped = False
        self.on_death: list[Callable[[], None]] = []
        self._failed = failed
        self._ready: deque[asyncio.Handle] = deque()
        self._running = False
        self._awake = False
        self._frozen: list[tuple[Callable[..., object], Any]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._listeners: dict[Any, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self.reading_takes: Callable[[], float] = lambda: 0.0
        self.world: Any = None
        self.disk: Any = None

    # --- its life ----------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Nothing of it runs any more; whoever waits for its end is told."""
        if self.dead:
            return
        self.dead = True
        self._ready.clear()
        self._frozen.clear()
        waiting, self.on_death = self.on_death, []
        for call in waiting:
            call()

    def stop_for(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        if not self.stopped and not self.dead:
            self.stopped = True
            self.timeline.after(seconds, self.go_on)

    def go_on(self, _: None = None) -> None:
        """SIGCONT; one that does not stand still is not touched by it."""
        if not self.stopped:
            return
        self.stopped = False
        frozen, self._frozen = self._frozen, []
        for call, argument in frozen:
            self._enter(call, argument)
        self._wake()

    def outside(self, seconds: float, call: Callable[..., object], argument: Any = None) -> None:
        """Has something from outside reach the process in so many seconds: not while it stands still, nor when it is
        dead."""
        self.timeline.after(seconds, self._arrive, (call, argument))

    def _arrive(self, arrived: tuple[Callable[..., object], Any]) -> None:
        if self.dead:
            return
        if self.stopped:
            self._frozen.append(arrived)
        else:
            self._enter(*arrived)

    def _enter(self, call: Callable[..., object], argument: Any) -> None:
        """Runs something within the process, and then what has become ready by that."""
        if self.dead:
            return
        self._running = True
        asyncio._set_running_loop(self)
        try:
            call(argument)
            self._run_ready()
        except Killed:
            self.kill()
        finally:
            asyncio._set_running_loop(None)
            self._running = False

    def _run_ready(self) -> None:
        ready, timeline, most = self._ready, self.timeline, self.timeline.steps + MOST_IN_A_ROW
        while ready and not self.dead and not self.stopped:
            handle = ready.popleft()
            if not handle._cancelled:
                timeline.steps += 1
                handle._run()
                if timeline.steps > most:
                    raise Stuck(f"{self.name} goes on for ever at {timeline.now}: {handle!r}")

    def _wake(self) -> None:
        """Something is ready, and the process is not at it."""
        if self._ready and not self._running and not self._awake and not self.dead:
            self._awake = True
            self.timeline.at(self.timeline.now, self._woken)

    def _woken(self, _: None) -> None:
        self._awake = False
        if not self.stopped:
            self._enter(_nothing, None)

    def bury(self) -> list[str]:
        """Takes a process apart whose world has ended; what its tasks raised that nobody asked for."""
        unheard: list[str] = []
        alive, self.dead = not self.dead, True
        hook, sys.unraisablehook = sys.unraisablehook, _nothing
        try:
            for task in self._tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    try:
                        task.get_coro().close()  # type: ignore[union-attr]
                    except BaseException:
                        continue
                elif task._log_traceback:  # type: ignore[attr-defined]
                    task._log_traceback = False  # type: ignore[attr-defined]
                    if alive:
                        unheard.append(f"{self.name}: {task.exception()!r} in {task.get_coro()}")
            self._tasks.clear()
            self._ready.clear()
        finally:
            sys.unraisablehook = hook
        return unheard

    # --- what asyncio asks of a loop ---------------------------------------------------------------------------------

    def time(self) -> float:
        return self.timeline.now * self.rate

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self.dead:
            self._ready.append(handle)
            if not self._running:
                self._wake()
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.dead:
            self.timeline.at(max(when / self.rate, self.timeline.now) + RESOLUTION, self._ring, handle)
        return handle

    def _ring(self, handle: asyncio.TimerHandle) -> None:
        if not handle._cancelled and not self.dead:
            self._ready.append(handle)
            if not self.stopped:
                self._enter(_nothing, None)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **settings: Any) -> asyncio.Task[Any]:
        if settings.get("context") is None:
            settings.pop("context", None)
        task = asyncio.Task(coro, loop=self, **settings)
        self._tasks.append(task)
        return task

    def run_in_executor(
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:  # another thread of the process
        done = self.create_future()
        self.outside(self.reading_takes(), self._work, (func, args, done))
        return done

    def _work(self, what: tuple[Callable[..., Any], tuple[Any, ...], asyncio.Future[Any]]) -> None:
        func, args, done = what
        if done.done():
            return
        try:
            result = func(*args)
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(result)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self.dead

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.dead:
            self._failed(self.name, context)

    # --- descriptors, which are only numbers here --------------------------------------------------------------------

    def add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> None:
        self._listeners[fd] = (callback, args)

    def remove_reader(self, fd: Any) -> bool:
        return self._listeners.pop(fd, None) is not None

    def readable(self, fd: Any) -> None:
        """There is something to read."""
        listener = self._listeners.get(fd)
        if listener is not None:
            listener[0](*listener[1])

    async def create_unix_connection(self, protocol_factory: Callable[[], Any], **settings: Any) -> tuple[Any, Any]:
        transport, protocol = settings["sock"], protocol_factory()
        transport.connect(protocol)
        protocol.connection_made(transport)
        return transport, protocol


def _nothing(_: object) -> None:
    pass
