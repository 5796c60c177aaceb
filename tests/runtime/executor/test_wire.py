"""The messages as bytes: what is sent arrives, and what is not as it should be is refused by the name of its field."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer import wire, wire_readers
from ppacer.protocol import (
    PROTOCOL_VERSION,
    Ack,
    Assignment,
    AttemptLog,
    Claim,
    Deferral,
    Exchange,
    ExchangeAnswer,
    LogEntry,
    Outcome,
    Progress,
    Renewal,
    Report,
    RunInfo,
    RunRequest,
    TaskNotice,
)

INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DEFERRALS = st.builds(
    Deferral,
    st.none() | INTEGERS,
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | st.builds(RunRequest, TEXT, TEXT, st.none() | INTEGERS, st.booleans()),
)
REPORTS = st.builds(
    Report,
    TEXT,
    INTEGERS,
    st.sampled_from(Outcome),
    INTEGERS,
    INTEGERS,
    st.none() | TEXT,
    deferral=st.none() | DEFERRALS,
)
PROGRESS = st.builds(Progress, TEXT, INTEGERS, INTEGERS, st.none() | st.floats(0, 1), TEXT)
NOTICES = st.builds(TaskNotice, TEXT, INTEGERS, INTEGERS, TEXT, TEXT, st.none() | TEXT)
LOGS = st.builds(
    AttemptLog,
    TEXT,
    INTEGERS,
    st.lists(st.builds(LogEntry, INTEGERS, INTEGERS, TEXT, INTEGERS, TEXT), max_size=3).map(tuple),
)
EXCHANGES = st.builds(
    Exchange,
    protocol=st.just(PROTOCOL_VERSION),
    executor=TEXT,
    instance=TEXT,
    request=TEXT,
    build=TEXT,
    codes=st.dictionaries(TEXT, TEXT, max_size=3),
    labels=st.lists(TEXT, max_size=3).map(tuple),
    reports=st.lists(REPORTS, max_size=2).map(tuple),
    renewals=st.lists(st.builds(Renewal, TEXT, INTEGERS), max_size=2).map(tuple),
    logs=st.lists(LOGS, max_size=2).map(tuple),
    progress=st.lists(PROGRESS, max_size=2).map(tuple),
    notices=st.lists(NOTICES, max_size=2).map(tuple),
    claim=st.none() | st.builds(Claim, INTEGERS, st.floats(0, 30)),
)


@given(EXCHANGES)
def test_an_exchange_arrives_as_it_was_sent(exchange: Exchange) -> None:
    assert wire.decode(Exchange, wire.encode(exchange)) == exchange


ODD = st.sampled_from([None, True, 0, -1, 1.5, "", "success", [], [None], ["a"], {}, {"until": 1}])


@given(st.one_of(EXCHANGES, REPORTS, PROGRESS, NOTICES, LOGS), st.data())
def test_messages_are_read_the_same_quickly_and_thoroughly(message: object, data: st.DataObject) -> None:
    """As they are written, and with a field that is gone, odd or new."""
    fields = json.loads(wire.encode(message))
    name = data.draw(st.sampled_from([*fields, "surprise"]))
    if data.draw(st.booleans()):
        fields.pop(name, None)
    else:
        fields[name] = data.draw(ODD)

    def read(*, quick: bool) -> object:
        try:
            return wire_readers.message(type(message), quick=quick)(fields)
        except wire_readers.Misfit as misfit:
            return str(misfit)

    assert read(quick=True) == read(quick=False)


@pytest.mark.parametrize("value", [None, 1, "protocol", ["protocol"], {}])
def test_what_is_no_object_is_no_message(value: object) -> None:
    with pytest.raises(wire_readers.Misfit):
        wire_readers.reader(Exchange)(value)


def test_an_answer_arrives_as_it_was_sent() -> None:
    run = RunInfo("r", "sales", "b", 1, "UTC", None, "{}")
    assignment = Assignment("a", 1, 30.0, run, "load", 1, "m:f", "[]", "{}", "task load of dag sales (s.ppd:1)", 600.0)
    answer = ExchangeAnswer(
        reports=(Ack("a", 200),),
        logs=(Ack("b", 409),),
        notices=(Ack("a", 200),),
        assignments=(assignment,),
        cancel=("c",),
        next_due_in=1.5,
    )
    assert wire.decode(ExchangeAnswer, wire.encode(answer)) == answer


REPORT = {"attempt": "a", "token": 1, "outcome": "success", "started_at": 1, "finished_at": 2}
GOOD = {
    "protocol": PROTOCOL_VERSION,
    "executor": "e",
    "instance": "i",
    "request": "r",
    "build": "b",
    "reports": [REPORT],
    "claim": {"slots": 1, "wait": 0},
}


def test_what_is_left_out_has_its_default() -> None:
    exchange = wire.decode(Exchange, json.dumps(GOOD).encode())
    assert (exchange.labels, exchange.codes, exchange.reports[0].output) == ((), {}, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": "7"}, "capacity must be integer"),
        ({"capacity": True}, "capacity must be integer"),
        ({"capacity": 10**19}, "a number does not fit into 64 bits"),
        ({"executor": None}, "executor must be string"),
        ({"labels": "gpu"}, "labels must be array"),
        ({"codes": {"m:f": 1}}, "codes.m:f must be string"),
        ({"surprise": 1}, "surprise is no field that is known here"),
        ({"claim": {"slots": 1}}, "claim.wait is missing"),
        ({"claim": {"slots": 1.5, "wait": 1}}, "claim.slots must be integer"),
        ({"reports": [{**REPORT, "outcome": "great"}]}, "reports[0].outcome must be one of"),
        ({"reports": [{**REPORT, "token": "1"}]}, "reports[0].token must be integer"),
        ({"protocol": "1"}, "protocol must be integer"),
        ({"executor": "\ud800"}, "a text holds half of a surrogate pair"),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(wire.WireError) as caught:
        wire.decode(Exchange, json.dumps({**GOOD, **change}).encode())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[]", "must be object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"protocol": NaN}', "NaN is no JSON number"),
        (b'{"protocol": ' + b"9" * 5000 + b"}", "does not fit into 64 bits"),
    ],
)
def test_bytes_that_are_no_message(data: bytes, message: str) -> None:
    with pytest.raises(wire.WireError, match=message):
        wire.decode(Exchange, data)


def test_another_version_is_told_by_its_number_whatever_its_fields_are() -> None:
    with pytest.raises(
        wire.VersionError,
        match="version 99 of the protocol, the scheduler version 2: run its scheduler",
    ):
        wire.decode(Exchange, b'{"protocol": 99, "new_field": 1}')
