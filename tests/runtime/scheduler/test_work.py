"""Work per event does not grow with dags, runs or tasks: counted, not timed."""

from __future__ import annotations

import sys

from ppacer import spec
from ppacer.protocol import Claim


class Calls:
    """Counts the Python and C calls made in the event loop's thread."""

    def __enter__(self) -> Calls:
        self.count = 0

        def profile(frame: object, event: str, argument: object) -> None:
            self.count += event in ("call", "c_call")

        sys.setprofile(profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)


async def one_hop(place, kit, program, *, other_runs: int) -> tuple[int, int]:
    """Calls and rows written for a report that carries the next claim home, after other runs have been made."""
    scheduler = await place.scheduler(program)
    client = kit.client(scheduler.exchange, program)
    for _ in range(other_runs):
        await scheduler.trigger("other")
    await scheduler.trigger("d")
    held = await client.claim_one()
    rows = 0
    real = scheduler.store.write

    def write(writes) -> None:
        nonlocal rows
        rows += len(writes)
        real(writes)

    scheduler.store.write = write
    counts = []
    for _ in range(3):
        exchange = client.request(reports=(client.reported(held),), claim=Claim(1, 0))
        with Calls() as calls:
            answer = await client.send(exchange)
        [held] = answer.assignments
        counts.append(calls.count)
    await place.crash(scheduler)
    return min(counts), rows // 3


async def test_a_hop_costs_the_same_in_a_crowd(kit, tmp_path) -> None:
    chain = [kit.task("t0", priority=1), *(kit.task(f"t{i}", after=f"t{i - 1}", priority=1) for i in range(1, 6))]
    alone = kit.program(kit.dag("d", *chain), kit.dag("other", kit.task("a")))
    few = await one_hop(kit.place(tmp_path / "few"), kit, alone, other_runs=1)

    crowd = [kit.task(f"x{i}") for i in range(2_000)]
    dags = [kit.dag(f"idle{i}", kit.task("a"), schedules=(spec.Cron("0 0 1 1 *", kit.at),)) for i in range(300)]
    program = kit.program(
        kit.dag("d", *chain, *crowd), kit.dag("other", *crowd[:100], max_active_runs=30), *dags, build="b2"
    )
    many = await one_hop(kit.place(tmp_path / "many"), kit, program, other_runs=60)

    assert many[1] == few[1], "rows written"
    assert many[0] < 1.05 * few[0], "calls made"
