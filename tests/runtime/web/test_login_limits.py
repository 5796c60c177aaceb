"""How often a login may be tried, in time that the test makes pass."""

from __future__ import annotations

import pytest

from ppacer.services.login_limits import BY_ADDRESS, BY_USER, MOST_BUCKETS, LoginLimits


class Tries:
    def __init__(self) -> None:
        self.now = 0.0
        self.limits = LoginLimits(lambda: self.now)

    def take(self, user: str, address: str) -> float:
        return self.limits.take(user, address)


def test_tries_come_back_one_after_the_other() -> None:
    tries = Tries()
    assert [tries.take("ana", "192.0.2.1") for _ in range(BY_ADDRESS.burst)] == [0.0] * BY_ADDRESS.burst
    assert tries.take("ben", "192.0.2.1") == BY_ADDRESS.seconds
    tries.now += BY_ADDRESS.seconds / 2
    assert tries.take("ben", "192.0.2.1") == BY_ADDRESS.seconds / 2
    tries.now += BY_ADDRESS.seconds / 2
    assert tries.take("ben", "192.0.2.1") == 0
    assert tries.take("ben", "192.0.2.1") == BY_ADDRESS.seconds
    tries.now += 1e6
    assert [tries.take("ana", "192.0.2.1") for _ in range(BY_ADDRESS.burst)] == [0.0] * BY_ADDRESS.burst


def test_what_is_refused_is_not_counted_and_what_succeeds_is_given_back() -> None:
    tries = Tries()
    for number in range(BY_USER.burst):
        assert tries.take("ana", f"192.0.2.{number}") == 0
    for _ in range(100):
        assert tries.take("ana", "198.51.100.1") == BY_USER.seconds
    assert tries.take("ben", "198.51.100.1") == 0  # which has all its tries
    for _ in range(1000):
        assert tries.take("eva", "203.0.113.1") == 0
        tries.limits.give_back("eva", "203.0.113.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
    ],
)
def test_who_has_an_address_of_ipv6_has_its_network(one: str, other: str, same: bool) -> None:
    tries = Tries()
    for number in range(BY_ADDRESS.burst):
        assert tries.take(f"u{number}", one) == 0
    assert (tries.take("ana", other) > 0) is same


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    tries = Tries()
    for number in range(MOST_BUCKETS):
        tries.take(f"u{number}" + "x" * 10_000, f"198.18.{number // 256}.{number % 256}")
    assert len(tries.limits._buckets) == MOST_BUCKETS
    assert max(map(len, tries.limits._buckets)) < 200
