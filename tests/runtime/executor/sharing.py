"""What the tests of the shared worker have in common: the module whose functions it runs, and an executor for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ppacer.protocol import Report

from .conftest import Bench, FakeScheduler

MODULE = """
    import asyncio, ctypes, logging, os, subprocess, sys, threading, time
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from ppacer import TaskContext

    def ok():
        return os.getpid()

    async def ok_async():
        await asyncio.sleep(0)
        return os.getpid()

    def fails():
        raise ValueError("no such region")

    def exits(code):
        sys.exit(code)

    async def exits_async():
        sys.exit(3)

    def exits_at_once(code):
        os._exit(code)

    def segfaults():
        ctypes.string_at(0)

    def meet(folder, name, others):
        (Path(folder) / name).touch()
        end = time.monotonic() + 60
        while len(list(Path(folder).iterdir())) < others:
            assert time.monotonic() < end
            time.sleep(0.01)

    def meets(folder, name, others):
        meet(folder, name, others)
        return os.getpid()

    async def meets_async(folder, name, others):
        (Path(folder) / name).touch()
        while len(list(Path(folder).iterdir())) < others:
            await asyncio.sleep(0.01)
        return os.getpid()

    def talks(folder, name, others, context: TaskContext):
        meet(folder, name, others)
        for n in range(50):
            print(f"{name} {n}")
        sys.stderr.write(f"{name} to stderr\\n")
        sys.stdout.buffer.write(f"{name} in bytes\\n".encode())
        logging.getLogger("shop").warning("%s logs", name, extra={"who": name})
        context.logger.debug("%s details", name)
        thread = threading.Thread(target=print, args=(f"{name} in a thread",))
        thread.start()
        thread.join()
        with ThreadPoolExecutor() as pool:
            pool.submit(print, f"{name} in a pool").result()
        subprocess.run(["sh", "-c", f"echo {name} in a process; echo {name} to its stderr >&2"], check=True)
        print(f"{name} unfinished", end="")

    async def talks_async(folder, name, others, context: TaskContext):
        await meets_async(folder, name, others)
        for n in range(50):
            print(f"{name} {n}")
            await asyncio.sleep(0)
        logging.getLogger("shop").warning("%s logs", name, extra={"who": name})
        await asyncio.to_thread(print, f"{name} in a thread")
        await asyncio.get_running_loop().run_in_executor(None, print, f"{name} in a pool")
        await asyncio.create_task(say(f"{name} in a task"))
        process = await asyncio.create_subprocess_exec("echo", name, "in a process")
        assert await process.wait() == 0

    async def say(text):
        print(text)

    def writes_to_descriptor(text):
        os.write(1, text.encode() + b"\\n")

    def writes_and_waits(text, folder, go):
        Path(folder, text).touch()
        while len(os.listdir(folder)) < 2:
            time.sleep(0.01)
        os.write(1, text.encode() + b"\\n")
        while not Path(go).exists():
            time.sleep(0.01)

    def meets_at(path, gate):
        Path(path).write_text(str(os.getpid()))
        while not Path(gate).exists():
            time.sleep(0.01)
        return "waited"

    def waits(path, seconds=3600):
        Path(path).write_text(str(os.getpid()))
        time.sleep(seconds)
        return "waited"

    def heeds(path, context: TaskContext):
        Path(path).write_text(str(os.getpid()))
        while not context.cancelled:
            time.sleep(0.01)
        return "heeded"

    def beats(path, trace, context: TaskContext):
        Path(path).write_text(str(os.getpid()))
        try:
            while True:
                context.heartbeat()
                time.sleep(0.01)
        finally:
            Path(trace).write_text("cleaned up")

    async def cleans_up(path, trace):
        Path(path).write_text(str(os.getpid()))
        try:
            await asyncio.sleep(3600)
        finally:
            Path(trace).write_text("cleaned up")

    async def blocks(path):
        Path(path).write_text(str(os.getpid()))
        time.sleep(3600)

    async def leaves_tasks(path):
        async def later():
            try:
                await asyncio.sleep(3600)
            finally:
                Path(path).write_text("1")
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
        return os.getpid()

    def runs_command(path):
        subprocess.run(["sh", "-c", f"echo $$ > {path}; exec sleep 3600"])
        return "after it"

    def leaves_processes(path):
        one = subprocess.Popen(["sh", "-c", f"sleep 3600 & echo $! > {path}.new; mv {path}.new {path}; wait"])
        while not Path(path).exists():
            time.sleep(0.01)
        return [os.getpid(), one.pid, int(Path(path).read_text())]

    def leaves_a_daemon(path):
        subprocess.run(["sh", "-c", f"setsid sh -c 'echo $$ > {path}; exec sleep 3600' >/dev/null 2>&1 &"], check=True)
        while not Path(path).exists() or not Path(path).read_text():
            time.sleep(0.01)
        return [os.getpid(), int(Path(path).read_text())]

    def leaves_a_thread():
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        return os.getpid()

    def forks():
        pid = os.fork()
        if pid == 0:
            print("from the child", flush=True)
            logging.getLogger("child").warning("logged by the child")
            os._exit(0)
        os.waitpid(pid, 0)

    def spoils():
        os.environ["SPOILED"] = "yes"
        os.chdir("/")
        return os.getpid()

    def looks():
        return [os.getpid(), os.environ.get("SPOILED"), os.getcwd()]

    def floods(path):
        line = "x" * 1000
        for _ in range(25_000):
            print(line)
            logging.info(line)
        Path(path).touch()
"""

THREAD = {"isolation": "thread"}
ASYNC = {"isolation": "async"}
Body = Callable[[FakeScheduler], Awaitable[None]]


def player(bench: Bench, scheduler: FakeScheduler) -> Callable[[Body], None]:
    """Runs a coroutine against an executor of the module above."""
    bench.module("m", MODULE)

    def play(body: Body) -> None:
        async def main() -> None:
            async with bench.executor(scheduler, capacity=8):
                await body(scheduler)

        asyncio.run(main())

    return play


async def until_ended(scheduler: FakeScheduler, *attempts: str) -> list[Report]:
    return [await scheduler.report(attempt) for attempt in attempts]
