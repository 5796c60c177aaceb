"""A scheduler in a storm: everything that may be asked of it, at random, with crashes and databases that fail."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

from ppacer import spec
from ppacer.core import codec
from ppacer.core.model import (
    AttemptStatus,
    BackfillStatus,
    DagEventKind,
    EventKind,
    NotificationStatus,
    RunStatus,
    TaskStatus,
)
from ppacer.protocol import (
    Assignment,
    AttemptLog,
    Claim,
    Deferral,
    LogEntry,
    Outcome,
    Progress,
    Renewal,
    Report,
    RunRequest,
    TaskNotice,
)
from ppacer.services.errors import SchedulerError, SchedulerUnavailable
from ppacer.services.scheduler import Condition, Scheduler
from ppacer.store import Unavailable
from ppacer.store.errors import StoreError

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 10_000_000 * MINUTE
EVERY = tuple(spec.AlertEvent)


def program(kit) -> spec.Program:
    at = kit.at
    soon = timedelta(milliseconds=15)
    xs = spec.FanOut("x", spec.Output("xs", at))
    pairs = spec.FanOut("x", spec.Output("xs", at), ("each",))
    element = (spec.LoopVariable("x", at),)
    wide = kit.dag(
        "wide",
        kit.task("xs", pool="p", retries=1, retry_delay=soon, notify=("log",), alert_on=EVERY),
        kit.task("each", after="xs", fan_out=xs, args=element, pool="p", retries=1, retry_delay=soon),
        kit.task("then", after="xs each", fan_out=pairs, args=(spec.OutputAt("each", at),), priority=5),
        kit.task("any", after="each then", trigger=spec.Trigger.ALL_DONE, on_lost=spec.OnLost.FAIL),
        kit.task("last", after="any", when=spec.Binary(spec.BinaryOperator.EQUAL, spec.Output("any", at), _ONE, at)),
        kit.task("good", handler=spec.HandlerKind.SUCCESS),
        kit.task("bad", handler=spec.HandlerKind.FAILURE, pool="p"),
        kit.task("tidy", handler=spec.HandlerKind.FINALLY, retries=1),
        max_active_runs=3,
        max_active_tasks=4,
        notify=("log",),
        alert_on=EVERY,
        deadline=timedelta(seconds=1),
        run_timeout=timedelta(seconds=20),
    )
    small = kit.dag(
        "small",
        kit.task("one", pool="p", timeout=timedelta(seconds=2)),
        kit.task("two", after="one"),
        max_active_runs=2,
    )
    timed = kit.dag(
        "timed",
        kit.task("tick", timeout=timedelta(seconds=1)),
        schedules=(spec.Cron("* * * * *", at),),
        catchup=spec.Catchup.LATEST,
        max_active_runs=2,
        overlap=spec.Overlap.SKIP,
        notify=("log",),
    )
    notifiers, pools = (spec.Notifier("log", "ppacer.notifiers:log", at),), (spec.Pool("p", 2, at),)
    return replace(kit.program(wide, small, timed), notifiers=notifiers, pools=pools)


_ONE = spec.Literal(1, spec.At(1, 1))


class Storm:
    """One storm; `seed` says which. `faults` has what must not have happened."""

    def __init__(self, place, kit, seed: int) -> None:
        self.place = place
        self.kit = kit
        self.random = random.Random(seed)
        self.program = program(kit)
        without_small = replace(self.program, build="b2", dags=self.program.dags[::2])
        without_timed = replace(self.program, build="b3", dags=self.program.dags[:2])
        self.builds = (self.program, self.program, without_small, without_timed)
        self.clock = kit.clock(START)
        self.now = START
        self.faults: list[str] = []
        self.done: Counter[str] = Counter()
        self.held: list[Assignment] = []
        self.old: list[Report] = []
        self.decided: set[int] = set()
        self.pruning = False
        self.scheduler: Scheduler

    async def begin(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._unhandled)
        await self._start(self.program)

    async def rage(self, steps: int) -> None:
        names = [name for name, weight in _STEPS.items() for _ in range(weight)]
        for _ in range(steps):
            chosen = [self.random.choice(names) for _ in range(self.random.choice((1, 1, 2, 4)))]
            await asyncio.gather(*(self._one(name) for name in chosen))
            if self.random.random() < 0.03:
                await self._begin_anew(names)
            if self.scheduler.health().condition is Condition.READY:
                self._look_at_limits()

    async def calm(self) -> None:
        """Lets everything that is under way end, under the program as it was at the beginning."""
        await self._until_ready()
        await self.place.stop(self.scheduler)
        await self._start(self.program)
        for dag in self.program.dags:
            await self._ask(self.scheduler.resume_dag(dag.id))
        client = self._client()
        loop = asyncio.get_running_loop()
        end = loop.time() + 60
        while loop.time() < end:
            await self._until_ready()
            if self._over():
                break
            self._advance(2)
            held, self.held = self.held[:], []
            held += await self._claims(client, Claim(8, 0.05))
            for one in held:
                await self._send(client.request(reports=(client.reported(one, output=self._output(one)),)))
        else:
            self.faults.append(f"it does not end: {self.scheduler.health()}, {self._left()}")
        await self._until_ready()
        await self.scheduler._engine.commits.settled()

    # --- steps -------------------------------------------------------------------------------------------------------

    async def _one(self, name: str) -> None:
        self.done[name] += 1
        try:
            await getattr(self, f"_do_{name}")()
        except (SchedulerError, StoreError):
            self.done[f"{name}: refused"] += 1
        except Exception as error:
            self.faults.append(f"{name}: {error!r}")

    async def _do_trigger(self) -> None:
        dag = self.random.choice(("wide", "wide", "small", "timed"))
        key = self.random.choice((None, None, f"key{self.random.randrange(5)}"))
        await self.scheduler.trigger(dag, idempotency_key=key)

    async def _do_cancel(self) -> None:
        await self.scheduler.cancel_run(self._run())

    async def _do_cancel_task(self) -> None:
        await self.scheduler.cancel_task(*self._task())

    async def _do_restart(self) -> None:
        await self.scheduler.restart_run(self._run())

    async def _do_rerun(self) -> None:
        await self.scheduler.rerun_task(*self._task(), follow=self.random.random() < 0.5)

    async def _do_mark(self) -> None:
        success = self.random.random() < 0.7
        status = TaskStatus.SUCCESS if success else TaskStatus.FAILED
        run, task, position = self._task()
        output = json.dumps(self.random.choice((None, 1, [1, 2], []))) if success else None
        await self.scheduler.mark_task(run, task, position, status=status, output=output, reason="so")

    async def _do_pause(self) -> None:
        await self.scheduler.pause_dag("timed")

    async def _do_resume(self) -> None:
        await self.scheduler.resume_dag("timed")

    async def _do_silence(self) -> None:
        await self.scheduler.silence_dag("wide", self.random.choice((None, self.clock.now() + SECOND)))

    async def _do_backfill(self) -> None:
        first = START - self.random.randrange(-6, 12) * MINUTE
        await self.scheduler.start_backfill("timed", first, first + 5 * MINUTE, parallel=self.random.choice((1, 3)))

    async def _do_cancel_backfill(self) -> None:
        running = [row.id for row in self.scheduler.store.active_backfills()]
        if running:
            await self.scheduler.cancel_backfill(self.random.choice(running))

    async def _do_claim(self) -> None:
        client = self._client()
        claim = Claim(self.random.randrange(1, 6), self.random.choice((0, 0, 0.05)))
        self.held += await self._claims(client, claim)

    async def _do_report(self) -> None:
        if not self.held:
            return
        one = self.held.pop(self.random.randrange(len(self.held)))
        report = self._report(one)
        self.old.append(report)
        client = self._client()
        requests = [client.request(reports=(report,)) for _ in range(self.random.choice((1, 1, 2)))]
        await asyncio.gather(*map(self._send, requests))

    async def _do_repeat(self) -> None:
        if self.old:
            client = self._client()
            await self._send(client.request(reports=(self.random.choice(self.old[-20:]),)))

    async def _do_renew(self) -> None:
        client = self._client()
        await self._send(client.request(renewals=tuple(Renewal(one.attempt, one.token) for one in self.held)))

    async def _do_forget(self) -> None:
        """An executor dies."""
        self.held.clear()

    async def _do_say(self) -> None:
        if not self.held:
            return
        one, client = self.random.choice(self.held), self._client()
        seq = self.random.randrange(1, 4)
        notice = TaskNotice(one.attempt, one.token, seq, "hello", notifier=self.random.choice((None, "log", "nobody")))
        log = AttemptLog(one.attempt, one.token, (LogEntry(seq, 5, "stdout", 20, "x"),))
        progress = Progress(one.attempt, one.token, 1, 0.5, "half")
        requests = [client.request(notices=(notice,), logs=(log,), progress=(progress,)) for _ in range(2)]
        await asyncio.gather(*map(self._send, requests))

    async def _do_prune(self) -> None:
        """What is no longer kept is removed, beside everything else."""
        if self.pruning:
            return
        self.pruning = True
        try:
            pruner, now = self.scheduler._engine.pruner, self.clock.now()
            self.decided |= {run.scheduled_at for run in self.scheduler.store.runs("timed", limit=10_000)}
            if self.random.random() < 0.5:
                await pruner._clear_outputs(now)
            else:
                await pruner._remove_runs_beyond(self.random.randrange(1, 12), now)
        except StoreError as error:
            self.done[f"prune: {error}"] += 1
        finally:
            self.pruning = False

    async def _do_advance(self) -> None:
        self._advance(self.random.choice((1, 5, 61, 200, -100)))
        await asyncio.sleep(0)

    async def _do_wait(self) -> None:
        await asyncio.sleep(self.random.choice((0.0, 0.01, 0.05)))

    async def _do_fail_commit(self) -> None:
        """The next transaction fails, or its answer is lost."""
        store, durable = self.scheduler.store, self.random.random() < 0.5
        if "write" in vars(store):
            return
        real = store.write

        def write(writes) -> None:
            del store.write
            if durable:
                real(writes)
            raise Unavailable("the storm")

        store.write = write

    # --- details -----------------------------------------------------------------------------------------------------

    async def _start(self, build: spec.Program) -> None:
        scheduler = self.place.closed_scheduler(build, clock=self.clock, lease=0.4)
        real = scheduler._stall

        def stall(error: BaseException) -> None:
            if not any(word in str(error) for word in ("the storm", "killed", "journal has been closed")):
                self.faults.append(f"stalled: {error!r}")
            real(error)

        scheduler._stall = stall
        await scheduler.start()
        self.scheduler = scheduler

    async def _begin_anew(self, names: list[str]) -> None:
        """The scheduler crashes, or is stopped while much is under way; another build of the program may follow it."""
        await self._until_ready()
        vars(self.scheduler.store).pop("write", None)
        if self.random.random() < 0.5:
            self.done["crash"] += 1
            await self.place.crash(self.scheduler)
            await self._start(self.random.choice(self.builds))
            return
        self.done["stop"] += 1
        steps = [asyncio.ensure_future(self._one(self.random.choice(names))) for _ in range(3)]
        await asyncio.sleep(self.random.choice((0, 0, 0.002)))
        vars(self.scheduler.store).pop("write", None)
        await self.place.stop(self.scheduler)
        await self._start(self.random.choice(self.builds))
        await asyncio.gather(*steps)

    async def _until_ready(self) -> None:
        await self.kit.until(lambda: self.scheduler.health().condition is Condition.READY)

    async def _ask(self, asked: Awaitable[object]) -> None:
        try:
            await asked
        except SchedulerUnavailable:
            await self._until_ready()

    async def _send(self, exchange):
        """Sends until it is answered."""
        for _ in range(6_000):
            try:
                return await self.scheduler.exchange(exchange)
            except SchedulerUnavailable:
                await asyncio.sleep(0.01)
        raise AssertionError("no answer")

    async def _claims(self, client, claim: Claim) -> list[Assignment]:
        return list((await self._send(client.request(claim=claim))).assignments)

    def _client(self):
        client = self.kit.client(None, self.program)
        client.instance = f"instance-{self.random.randrange(3)}"
        return client

    def _advance(self, seconds: int) -> None:
        self.now = self.clock.now() + seconds * SECOND
        self.clock.set(self.now)

    def _run(self) -> str:
        runs = self.scheduler.store.runs(limit=12)
        return self.random.choice(runs).id if runs else "none"

    def _task(self) -> tuple[str, str, int | None]:
        run = self._run()
        rows = self.scheduler.store.current_tasks(run)
        if not rows:
            return run, "xs", None
        row = self.random.choice(rows)
        return run, row.task, None if self.random.random() < 0.5 else row.position

    def _output(self, one: Assignment) -> object:
        return list(range(self.random.randrange(4))) if one.task == "xs" else self.random.choice((1, None, "x"))

    def _report(self, one: Assignment) -> Report:
        kind = self.random.choices(
            ("success", "failed", "timed_out", "cancelled", "lost", "soon", "later", "asks", "sends"),
            (30, 8, 2, 3, 3, 4, 4, 4, 2),
        )[0]
        fields = {"attempt": one.attempt, "token": one.token, "started_at": self.now, "finished_at": self.now}
        if kind in ("soon", "later", "asks", "sends"):
            asked = RunRequest(self.random.choice(("small", "small", "nobody")), wait=kind == "asks")
            until = self.clock.now() + self.random.randrange(20_000)
            deferral = Deferral(
                until=until if kind in ("soon", "later") else None,
                state=self.random.choice((None, "1")),
                output="7" if kind == "soon" else None,
                run=asked if kind in ("asks", "sends") else None,
            )
            return Report(outcome=Outcome.DEFERRED, deferral=deferral, **fields)
        output = codec.encode(self._output(one)) if kind == "success" else None
        return Report(outcome=Outcome(kind), output=output, error="no", error_kind="exception", **fields)

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self.faults.append(f"unhandled: {context.get('message')}: {context.get('exception')!r}")

    # --- what must hold ----------------------------------------------------------------------------------------------

    def _look_at_limits(self) -> None:
        engine = self.scheduler._engine
        for gate in engine.ready.gates():
            if gate.used > gate.limit or gate.used < 0 or gate.waiting < 0:
                self.faults.append(f"gate {gate.name}: {gate.used} of {gate.limit}, {gate.waiting} wait")
        for dag in self.program.dags:
            if engine.queue.active_of(dag.id) > dag.max_active_runs:
                self.faults.append(f"{dag.id} has {engine.queue.active_of(dag.id)} active runs")

    def _over(self) -> bool:
        health = self.scheduler.health()
        left = health.active_runs + health.queued_runs + len(self.scheduler.store.active_backfills())
        return not left and not self.scheduler._engine._sender.pending

    def _left(self) -> list[str]:
        store = self.scheduler.store
        tasks = [row for run in store.active_runs() for row in store.current_tasks(run.id) if not row.status.terminal]
        return [str(each) for each in (*store.active_runs(), *tasks, *store.live_attempts(), *store.active_backfills())]

    def check(self) -> None:
        """The database as it is when everything has ended."""
        store = self.scheduler.store
        runs = [run for dag in self.program.dags for run in store.runs(dag.id, limit=10_000)]
        tokens: Counter[int] = Counter()
        for run in runs:
            self._check_run(run)
            tokens.update(attempt.token for attempt in store.attempts(run.id) if attempt.token)
            for row in store.notifications(run.id):
                if row.status is NotificationStatus.PENDING:
                    self.faults.append(f"not told: {row}")
        self.faults += [f"token {token} was given {count} times" for token, count in tokens.items() if count > 1]
        for row in store.backfills(limit=1_000):
            decided = row.made + row.passed_over
            if row.status is BackfillStatus.RUNNING or (row.status is BackfillStatus.DONE and decided != row.total):
                self.faults.append(f"backfill {row}")
        self._check_due_times(runs)

    def _check_run(self, run) -> None:
        store = self.scheduler.store
        rows, events = store.current_tasks(run.id), store.events(run.id)
        if not run.status.terminal or any(not row.status.terminal for row in rows):
            self.faults.append(f"not ended: {run} {rows}")
        if [event.seq for event in events] != list(range(1, len(events) + 1)):
            self.faults.append(f"the history of {run.id} has gaps")
        last: dict[tuple[str, int], str] = {}
        for event in events:
            told = json.loads(event.payload)
            if event.kind in (EventKind.TASK_FINISHED, EventKind.TASK_MARKED):
                last[told["task"], told.get("position", 0)] = told["status"]
        for row in rows:
            if last.get((row.task, row.position)) != row.status:
                self.faults.append(f"{row} ends in its history as {last.get((row.task, row.position))}")
        handlers = ("good", "bad", "tidy")
        bad = [row for row in rows if row.status in _BAD and row.task not in handlers]
        if run.status is RunStatus.SUCCESS and bad:
            self.faults.append(f"{run.id} succeeded with {bad}")
        if run.status is RunStatus.FAILED and not bad and run.reason is None:
            self.faults.append(f"{run.id} failed for nothing")
        retries = {task.id: task.retries for dag in self.program.dags for task in dag.tasks}
        tries: dict[tuple[int, str, int], Counter[AttemptStatus]] = defaultdict(Counter)
        for attempt in store.attempts(run.id):
            tries[attempt.epoch, attempt.task, attempt.position][attempt.status] += 1
            if not attempt.status.terminal:
                self.faults.append(f"not ended: {attempt}")
        for (epoch, task, position), ends in tries.items():
            failures = ends[AttemptStatus.FAILED] + ends[AttemptStatus.TIMED_OUT]
            if failures > retries[task] + 1 or ends[AttemptStatus.LOST] > spec.LOST_BUDGET + 1 or ends["success"] > 1:
                self.faults.append(f"{run.id} {task}[{position}] in epoch {epoch}: {dict(ends)}")

    def _check_due_times(self, runs) -> None:
        """Every due time is run, skipped or recorded as missed."""
        store = self.scheduler.store
        decided = self.decided | {run.scheduled_at for run in runs if run.dag == "timed" and run.kind != "manual"}
        for event in store.dag_events("timed", limit=100_000):
            told = json.loads(event.payload)
            if event.kind is DagEventKind.DUE_SKIPPED:
                decided.add(told["due"])
            elif event.kind is DagEventKind.DUE_MISSED:
                decided.update(range(told["from"], told["until"] + 1, MINUTE))
        until = store.dag("timed").watched_until
        lost = [due for due in range(START + MINUTE, until + 1, MINUTE) if due not in decided]
        if lost:
            self.faults.append(f"due times were lost: {lost}")

    def memory(self) -> dict[str, object]:
        """What the scheduler still holds; nothing, when everything has ended."""
        engine = self.scheduler._engine
        tasks, queue, exchanges = engine.tasks, engine.queue, engine.exchanges
        held = {
            "machines": tasks._machines,
            "by attempt": tasks._by_attempt,
            "granted": tasks._granted,
            "progress": tasks._progress,
            "leases": tasks._leases._deadlines,
            "code": tasks._code_watch._missing,
            "ready": engine.ready._ready,
            "slots": engine.ready._held,
            "gates": [gate for gate in engine.ready.gates() if gate.used or gate.waiting],
            "alarms": engine._alarms._alarms,
            "alarms' groups": engine._alarms._groups,
            "waiting": engine._awaited._waiting,
            "awaited": engine._awaited._awaited,
            "lines": queue._lines,
            "queued": queue._queued,
            "active": queue.active,
            "running": engine.executors._running,
            "stops": engine.executors._stops,
            "untold": engine.executors._untold,
            "under way": exchanges._under_way,
            "waiters": exchanges._waiters,
            "lines of executors": exchanges._lines,
            "backfills": engine.backfills._open,
            "notifications": engine._sender._pending,
            "keyed": self.scheduler._keyed,
            "followers": self.scheduler._changes._followers,
            "ended": engine._ended,
            "given up": engine._given_up,
            "spared": engine.pruner._spared,
        }
        return {name: what for name, what in held.items() if what}


_BAD = (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.UPSTREAM_FAILED)

_STEPS = {
    "trigger": 8,
    "cancel": 3,
    "cancel_task": 3,
    "restart": 4,
    "rerun": 4,
    "mark": 4,
    "pause": 1,
    "resume": 2,
    "silence": 1,
    "backfill": 2,
    "cancel_backfill": 1,
    "claim": 22,
    "report": 40,
    "repeat": 4,
    "renew": 6,
    "forget": 1,
    "say": 4,
    "prune": 2,
    "advance": 2,
    "wait": 6,
    "fail_commit": 1,
}
