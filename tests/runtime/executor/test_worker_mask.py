"""Secrets are hidden in every form that programs give them, however what holds them is cut."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer.core import codec
from ppacer.services.worker_log import LINE_LIMIT, AttemptOutput
from ppacer.services.worker_mask import HIDDEN, SHORTEST, Mask

LINES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x00*"), min_size=SHORTEST, max_size=40).filter(
    lambda line: len(line.splitlines()) == 1 and line == line.strip()
)
SECRETS = st.lists(LINES, min_size=1, max_size=3)
AROUND = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Z"], exclude_characters="*"), max_size=30)

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": json.dumps,
    "json of unicode": lambda text: json.dumps({"key": text}, ensure_ascii=False),
    "url": quote,
    "url, all": lambda text: quote(text, safe=""),
    "url, small": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text)),
    "form": quote_plus,
    "repr": repr,
    "repr within": lambda text: repr({"a": f'it\'s "{text}"'}),
    "repr of bytes": lambda text: repr(text.encode()),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64 for a URL": lambda text: urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
@given(SECRETS, AROUND, AROUND)
def test_no_form_of_a_secret_is_left(form: str, secrets: list[str], before: str, after: str) -> None:
    for secret in secrets:
        shown = FORMS[form](secret)
        masked = Mask(secrets).text(before + shown + after)
        assert HIDDEN in masked
        assert secret not in masked
        assert shown.strip("\"'=b") not in masked


@given(LINES, st.binary(max_size=8), st.binary(max_size=8))
def test_a_secret_within_something_in_base64(secret: str, before: bytes, after: bytes) -> None:
    encoded = b64encode(before + secret.encode() + after).decode()
    masked = Mask([secret]).text(encoded)
    assert len(masked.replace(HIDDEN, "")) <= len(b64encode(before)) + len(b64encode(after)) + 4


@given(st.lists(LINES, min_size=2, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_each_line_of_a_secret_is_one(lines: list[str], newline: str) -> None:
    mask = Mask([newline.join(lines)])
    for line in lines:
        assert mask.text(f"<{line}>") == f"<{HIDDEN}>"


@pytest.mark.parametrize("secret", ["", "abc", "ab\ncd\nef"])
def test_what_is_too_short_hides_nothing(secret: str) -> None:
    assert Mask([secret]).text("abc ab cd ef") == "abc ab cd ef"


def test_secrets_that_overlap_are_hidden_together() -> None:
    mask = Mask(["abcdef", "defghi", "fghi"])
    assert mask.text("xabcdefghiy") == f"x{HIDDEN}y"
    assert mask.text("abcdef defghi") == f"{HIDDEN} {HIDDEN}"


def test_a_text_without_a_secret_is_left_as_it_is() -> None:
    text = "nothing here"
    assert Mask(["hush"]).text(text) is text
    assert Mask().text(text) is text
    assert Mask().json('{ "as":  "written"}') == '{ "as":  "written"}'


# --- values ----------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, LINES)
def test_a_value_keeps_its_shape(value: object, secret: str) -> None:
    """It can still be decoded, and what holds no secret is as it was."""
    text = codec.encode({"value": value, "secret": f"<{secret}>", secret: [secret]})
    masked = codec.decode(Mask([secret]).json(text))
    assert isinstance(masked, dict)
    assert masked["secret"] == f"<{HIDDEN}>"
    if secret not in codec.encode({"value": value}) and secret not in ("value", "secret"):
        assert masked[HIDDEN] == [HIDDEN]
    if Mask([secret]).text(repr(value)) == repr(value):
        assert masked["value"] == value


def test_a_number_that_is_a_secret_is_hidden_and_tags_are_not() -> None:
    mask = Mask(["4711471", "decimal", "path"])
    text = '{"pin":4711471,"more":47114710,"$$":1,"a":{"$":"decimal","v":"4711471"},"b":{"$":"path","v":"x/path"}}'
    assert json.loads(mask.json(text)) == {
        "pin": HIDDEN,
        "more": 47114710,
        "$$": 1,
        "a": {"$": "decimal", "v": HIDDEN},
        "b": {"$": "path", "v": f"x/{HIDDEN}"},
    }


# --- streams ---------------------------------------------------------------------------------------------------------


def logged(mask: Mask, data: bytes, sizes: list[int]) -> list[str]:
    """The lines of what is written in chunks of the given sizes, over and over."""
    log = AttemptOutput(lambda: None, clock=lambda: 7)
    log.mask = mask
    start = number = 0
    while start < len(data):
        size = sizes[number % len(sizes)]
        log.write("stdout", data[start : start + size])
        start += size
        number += 1
    log.flush()
    return [entry.message for entry in log.take(10**9)]


@given(SECRETS, st.lists(st.tuples(AROUND, st.integers(0, 2)), max_size=6), st.lists(st.integers(1, 20), min_size=1))
def test_no_chunk_lets_a_secret_through(secrets: list[str], parts: list[tuple[str, int]], sizes: list[int]) -> None:
    text = "".join(around + secrets[number % len(secrets)] for around, number in parts)
    lines = logged(Mask(secrets), text.encode(), sizes)
    assert lines == ([Mask(secrets).text(text)] if text else [])


@given(st.integers(-60, 60), st.integers(1, 70_000), LINES)
def test_no_split_of_a_long_line_lets_a_secret_through(offset: int, size: int, secret: str) -> None:
    filling = b"." * (LINE_LIMIT + offset)
    data = filling + secret.encode() + filling + secret.encode() + b"..\n" + secret.encode()
    joined = "".join(logged(Mask([secret]), data, [size]))
    dots = filling.decode()
    assert joined.replace(HIDDEN + HIDDEN, HIDDEN) == f"{dots}{HIDDEN}{dots}{HIDDEN}..{HIDDEN}"


def test_an_endless_secret_is_hidden_to_its_end() -> None:
    """Its forms overlap without an end, so every split is within one."""
    lines = logged(Mask(["aaaaaaa"]), b"x" + b"a" * 100_000 + b"y\n", [8192])
    assert re.fullmatch(r"x(\*\*\*)+y", "".join(lines))


def test_a_mask_that_comes_in_the_middle_of_a_line_counts_for_what_has_not_gone_out() -> None:
    log = AttemptOutput(lambda: None, clock=lambda: 7)
    log.write("stderr", b"half of the se")
    log.mask = Mask(["the secret"])
    log.write("stderr", b"cret\n")
    assert [entry.message for entry in log.take(1000)] == [f"half of {HIDDEN}"]
