"""What may be asked in the query strings of the JSON API, as types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, TypeAlias

from ppacer.core.families import MOST_MEMBERS
from ppacer.core.model import FAMILY, RunKind, RunStatus, TaskStatus
from ppacer.web.query import Between
from ppacer.web.views import SHOWN_MEMBERS

MAX_WAIT = 60.0
"""How long a long-poll may ask to wait, in seconds."""

MAX_PAGE = 500
"""How many entries one answer holds at most."""

Wait: TypeAlias = Annotated[float, Between(0.0, MAX_WAIT)]
Limit: TypeAlias = Annotated[int, Between(1, MAX_PAGE)]
Sequence: TypeAlias = Annotated[int, Between(0, 2**53)]
"""A number of an event or of a log entry."""

Number: TypeAlias = Annotated[int, Between(0, 2**31)]
"""A number of an attempt or of an epoch; 0 is the latest."""

Position: TypeAlias = Annotated[int, Between(0, MOST_MEMBERS)]
"""The place of a member in its run-time family."""


@dataclass(frozen=True, slots=True)
class PulseQuery:
    """Answered as soon as anything has changed since the pulse `since`, at the latest after `wait` seconds."""

    since: Annotated[int, Between(-1, 2**53)] = -1
    wait: Wait = 0.0


@dataclass(frozen=True, slots=True)
class FollowQuery:
    """Changes behind the pulse `since`; the first event comes at once."""

    since: Annotated[int, Between(-1, 2**53)] = -1


@dataclass(frozen=True, slots=True)
class FollowRunQuery:
    """Events of the run behind `since`."""

    since: Sequence = 0


@dataclass(frozen=True, slots=True)
class PageQuery:
    """At most `limit` entries, only those older than the one with the id `before`."""

    before: str | None = None
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class FromPageQuery:
    """At most `limit` entries, only those behind the one that `after` stands for."""

    after: str | None = None
    limit: Limit = MAX_PAGE


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """At most `limit` entries of an `actor` or an `action`, from the time `since` to before `until`, only those older
    than the one with the id `before`."""

    actor: str | None = None
    action: str | None = None
    since: str | None = None
    until: str | None = None
    before: str | None = None
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class DagsQuery:
    """At most `limit` dags (all without it), only those behind the dag `after`. With `removed` also the dags that the
    program no longer has, with `since` only those of which something else is to be told than when an answer had that
    `mark`."""

    removed: bool = False
    since: str | None = None
    after: str | None = None
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class GridQuery:
    """At most `limit` runs, only those older than the one with the id `before`."""

    before: str | None = None
    limit: Annotated[int, Between(1, 100)] = 30


@dataclass(frozen=True, slots=True)
class DaysQuery:
    """The days from `from` to `to`, both included, in the dag's zone: at most 400, and if left out the year that ends
    today."""

    from_: date | None = None
    to: date | None = None


@dataclass(frozen=True, slots=True)
class VersionsQuery:
    """At most `limit` versions, only those from before the time `before`."""

    before: str | None = None
    limit: Annotated[int, Between(1, 100)] = 10


@dataclass(frozen=True, slots=True)
class BackfillsQuery:
    """Those of one `dag` if it is given."""

    dag: str | None = None
    before: str | None = None
    limit: Limit = 20


@dataclass(frozen=True, slots=True)
class RunsQuery:
    """Runs whose id holds `id`, whatever else is asked for, or those that fit `dag`, `status`, `kind` and `backfill`
    and were made at `from` or later and before `to`, or are for logical times from `planned_from` to before
    `planned_to`, in the zone of `dag`; only those older than the run with the id `before`."""

    id: str | None = None
    dag: str | None = None
    status: tuple[RunStatus, ...] = ()
    kind: tuple[RunKind, ...] = ()
    backfill: str | None = None
    from_: str | None = None
    to: str | None = None
    planned_from: str | None = None
    planned_to: str | None = None
    before: str | None = None
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class RunQuery:
    """`members`: how many members of each run-time family are told; `logs`: whether the number of each attempt's newest
    log entry is."""

    members: Annotated[int, Between(0, MAX_PAGE)] = SHOWN_MEMBERS
    logs: bool = True


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """The member of a run-time family at `position`; without one the task, or the family as a whole."""

    position: Position | None = None


@dataclass(frozen=True, slots=True)
class MembersQuery:
    """Members after the position `after`, of any status unless some are given."""

    after: Annotated[int, Between(FAMILY, MOST_MEMBERS)] = FAMILY
    status: tuple[TaskStatus, ...] = ()
    limit: Limit = SHOWN_MEMBERS


@dataclass(frozen=True, slots=True)
class EventsQuery:
    after: Sequence = 0
    limit: Limit = MAX_PAGE


@dataclass(frozen=True, slots=True)
class RunChangesQuery:
    """Answered as soon as the run has events after `since`, at the latest after `wait` seconds."""

    since: Sequence = 0
    wait: Wait = 0.0


@dataclass(frozen=True, slots=True)
class FollowLogQuery:
    """Entries behind the entry `after` of the task's last attempt, unless `attempt` and `epoch` name another."""

    position: Position = 0
    attempt: Number = 0
    epoch: Number = 0
    after: Sequence = 0


@dataclass(frozen=True, slots=True)
class LogQuery(FollowLogQuery):
    """Answered as soon as there are entries behind `after`, at the latest after `wait` seconds."""

    wait: Wait = 0.0
