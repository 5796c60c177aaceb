"""What the tasks of `page.ppd` do."""

import logging
import threading
from pathlib import Path
from typing import Any


def number(value: int) -> int:
    return value


def rows(region: str) -> dict[str, Any]:
    print(f"read 12 rows of {region}")
    return {"region": region, "rows": 12, "files": [f"{region}/a.csv", f"{region}/b.csv"]}


def say(text: str, *values: object) -> str:
    print(text, *values)
    return text


def wrong(value: int) -> str:
    return Path(f"/nowhere/{value}.csv").read_text(encoding="utf-8")


def fail_once() -> int:
    """Fails on its first try in this folder."""
    mark = Path("tried-once")
    if mark.exists():
        return 1
    mark.touch()
    raise ConnectionError("the other side hung up")


def hold(_: int) -> None:
    print("holding on")
    threading.Event().wait(600)


def count(members: int) -> list[int]:
    return list(range(members))


def noisy(lines: int) -> int:
    log = logging.getLogger("shop.orders")
    print("\x1b[32mgreen\x1b[0m and \x1b[1;31mbold red\x1b[0m and \x1b[38;5;208morange\x1b[0m")
    print('<img src=x onerror="document.title=1"> is only text')
    log.info("opened the shop")
    log.warning("a shelf is empty")
    log.error("the till is broken")
    for line in range(lines):
        print(f"line {line} of {lines}")
    return lines
