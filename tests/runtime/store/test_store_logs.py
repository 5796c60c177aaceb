"""The logs of attempts: kept in order, once each, whatever is in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ppacer.protocol import LogEntry
from ppacer.store import Unavailable
from ppacer.store.logs import LogStore
from tests.runtime.store.executed import executed


def line(seq: int, message: str | None = None) -> LogEntry:
    return LogEntry(
        seq=seq,
        at=1000 + seq,
        stream="logging",
        level=30,
        message=f"line {seq}" if message is None else message,
        logger="shop.etl",
        attributes='{"rows":3}',
    )


def test_entries_come_back_in_order_page_by_page(logs: LogStore) -> None:
    lines = [line(seq) for seq in range(1, 8)]
    logs.append([("a", lines[:3]), ("b", [line(1, "other")]), ("a", lines[3:])])
    assert logs.read("a") == lines
    assert logs.read("a", limit=3) == lines[:3]
    assert logs.read("a", after=3, limit=3) == lines[3:6]
    assert logs.read("a", after=7) == []
    assert logs.read("b") == [line(1, "other")]
    assert logs.read("c") == []
    assert logs.last_seq(["a", "b", "c"]) == {"a": 7, "b": 1, "c": 0}


def test_a_delivery_may_be_repeated_overlap_or_come_late(logs: LogStore) -> None:
    lines = [line(seq) for seq in range(1, 10)]
    logs.append([("a", lines[4:7])])
    logs.append([("a", lines[4:7]), ("a", lines[4:7])])
    logs.append([("a", lines[2:8])])
    logs.append([("a", lines)])
    assert logs.read("a") == lines


def test_the_first_of_two_entries_with_one_number_stays(logs: LogStore) -> None:
    logs.append([("a", [line(1, "first")])])
    logs.append([("a", [line(1, "second"), line(2)])])
    assert logs.read("a") == [line(1, "first"), line(2)]


@pytest.mark.parametrize("message", ["", "zażółć 🙂", "nul \x00 inside", "x" * 200_000, "%s {} ?", "\r\n\x1b[31m"])
def test_messages_of_any_kind_are_kept(kind: str, logs: LogStore, message: str) -> None:
    logs.append([("a", [line(1, message)])])
    if kind == "postgresql":
        message = message.replace("\x00", "\\u0000")
    assert logs.read("a") == [line(1, message)]


def test_a_lone_surrogate_is_shown_and_stops_nothing(logs: LogStore) -> None:
    logs.append([("a", [replace(line(1, "bad \udc80"), attributes='{"k":"\ud800"}'), line(2)])])
    assert logs.read("a") == [replace(line(1, "bad \\udc80"), attributes='{"k":"\\ud800"}'), line(2)]


def test_entries_are_deleted_up_to_a_number(logs: LogStore) -> None:
    lines = [line(seq) for seq in range(1, 6)]
    logs.append([("a", lines), ("b", lines), ("c", lines)])
    logs.delete([("a", 3), ("b", 5), ("b", 9), ("x", 1)])
    assert logs.read("a") == lines[3:]
    assert logs.read("b") == []
    assert logs.read("c") == lines
    logs.delete([])


def test_where_the_entries_of_an_attempt_begin_and_end(logs: LogStore) -> None:
    logs.append([("a", [line(seq) for seq in (3, 4, 8)]), ("b", [line(1)])])
    assert logs.spans(["b", "x", "a"]) == {"a": (3, 8), "b": (1, 1)}
    assert logs.spans([]) == {}


def test_attempts_with_entries_are_found_in_order_page_by_page(logs: LogStore) -> None:
    logs.append([(attempt, [line(1), line(2)]) for attempt in ("d", "b", "a", "c")])
    assert logs.attempts("", "~", 9) == ["a", "b", "c", "d"]
    assert logs.attempts("", "~", 2) == ["a", "b"]
    assert logs.attempts("b", "d", 9) == ["c"]
    assert logs.attempts("d", "~", 9) == []


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)  # whose plans can be read without rows
def test_no_statement_walks_the_logs(logs: LogStore) -> None:
    with executed(logs._database) as statements:
        logs.read("a", 1, 5), logs.last_seq(["a"]), logs.spans(["a"]), logs.attempts("a", "b", 1)
        logs.delete([("a", 1)])

    seen = [(text, values) for text, values in statements if not text.startswith(("BEGIN", "COMMIT"))]
    assert len(seen) == 5
    with logs._database.reading() as connection:
        for statement, parameters in seen:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            searches = [step for step in plan if "log_entries" in step]
            assert searches, plan
            assert all(step.startswith("SEARCH log_entries USING") for step in searches), plan


def test_nothing_to_append_is_fine(logs: LogStore) -> None:
    logs.append([])
    logs.append([("a", [])])
    assert logs.read("a") == []


def test_a_closed_log_says_so(logs: LogStore) -> None:
    logs.close()
    with pytest.raises(Unavailable, match="closed"):
        logs.append([("a", [line(1)])])
