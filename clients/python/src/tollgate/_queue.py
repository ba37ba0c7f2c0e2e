"""Usage events that wait to be sent. Threads may share a queue."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

from ._calls import complete_event, to_json
from ._errors import TollgateError, is_refused
from ._generated import RecordedUsage

_MAX_BATCH_EVENTS = 1_000
_MAX_BATCH_BYTES = 900_000  # the server takes 1 MB a request
_MAX_BACKOFF_SECONDS = 60.0

_log = logging.getLogger("tollgate")


@dataclass(frozen=True)
class LostEvent:
    """An event that was not counted, and why: a rejection's code, `conflict`, `queue_full`, or an error's code.

    `rejected`: JSON cannot hold it, such as a set, a cycle or NaN. `closed`: nothing was acknowledged until the client closed, or the program ended.
    """

    event: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, kw_only=True)
class UsageOptions:
    """How recorded usage is collected and sent."""

    # Events of one request, up to 1,000.
    batch_size: int = 100
    # Seconds that an event waits for others.
    flush_interval: float = 1.0
    # Events that wait while Tollgate is unavailable. Later ones are lost.
    max_queued: int = 10_000
    # `sync`: acknowledge only what is in the database.
    durability: Literal["spool", "sync"] | None = None
    # Gets the events that were not counted, in the thread that learned of it. Without it they are logged as a warning.
    on_lost: Callable[[Sequence[LostEvent]], object] | None = None


class UsageQueue:
    """Decides what is sent next, and what becomes of it. Sends nothing itself."""

    def __init__(self, options: UsageOptions) -> None:
        self._options = options
        self._events: list[dict[str, Any]] = []
        self._in_flight: list[dict[str, Any]] = []
        self._failures = 0
        self._is_closed = False
        self._lock = Lock()

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Each gets an id, so that it counts once however often it is sent."""
        given = list(events)
        copies = [_copy_event(event) for event in given]
        good = [copy for copy in copies if copy is not None]
        with self._lock:
            room = 0 if self._is_closed else max(0, self._options.max_queued - len(self._events))
            self._events += good[:room]
            reason = "closed" if self._is_closed else "queue_full"
        self.lose(LostEvent(event, "rejected") for event, copy in zip(given, copies) if copy is None)
        self.lose(LostEvent(event, reason) for event in good[room:])

    @property
    def is_empty(self) -> bool:
        return not self._events

    @property
    def is_full(self) -> bool:
        """Whether a batch is ready. After a failure the wait decides instead."""
        return len(self._events) >= self._options.batch_size and self._failures == 0

    @property
    def wait_seconds(self) -> float:
        """How long events wait for others, longer after each failure."""
        return min(_MAX_BACKOFF_SECONDS, self._options.flush_interval * 2.0 ** min(self._failures, 10))

    def take_batch(self) -> list[dict[str, Any]]:
        """The first events that fit into one request, at least one. Empty if none waits."""
        with self._lock:
            count = _count_fitting(self._events[: min(_MAX_BATCH_EVENTS, self._options.batch_size)])
            batch, self._events = self._events[:count], self._events[count:]
            self._in_flight = batch
        return batch

    def settle(self, batch: Sequence[dict[str, Any]], outcome: RecordedUsage) -> None:
        self._failures = 0
        self._in_flight = []
        reasons: list[tuple[int, str]] = [(one.index, one.code) for one in outcome.rejected or ()]
        reasons += [(one.index, "conflict") for one in outcome.conflicts or ()]
        lost = [LostEvent(batch[index], reason) for index, reason in reasons if 0 <= index < len(batch)]
        self.lose(one for one in lost if not _is_settled(one))

    def fail(self, batch: Sequence[dict[str, Any]], error: TollgateError) -> None:
        """Raises the error if Tollgate was unavailable: the events wait again. Else no repeat can save them."""
        if is_refused(error):
            self._in_flight = []
            return self.lose(LostEvent(event, error.code) for event in batch)
        self.put_back(batch)
        self._failures += 1
        raise error

    def put_back(self, batch: Sequence[dict[str, Any]]) -> None:
        with self._lock:
            if not self._is_closed:  # else these were given back already
                self._events = [*batch, *self._events]
            self._in_flight = []

    def close(self) -> None:
        """Says what was not taken, and takes nothing more."""
        with self._lock:
            self._is_closed = True
            events = [*self._in_flight, *self._events]
            self._events, self._in_flight = [], []
        self.lose(LostEvent(event, "closed") for event in events)

    def lose(self, lost: Iterable[LostEvent]) -> None:
        events = list(lost)
        if not events:
            return
        if self._options.on_lost is None:
            reasons = ", ".join(sorted({event.reason for event in events}))
            _log.warning("%d usage events were not counted: %s", len(events), reasons)
            return
        try:
            self._options.on_lost(events)
        except Exception:  # its failure must not end the sending of other events
            _log.exception("on_lost failed for %d usage events", len(events))


def _is_settled(lost: LostEvent) -> bool:
    """The id of a reservation conflicts only with its settlement, which has counted although its answer did not arrive."""
    return lost.reason == "conflict" and lost.event["id"].startswith("hold_")


def _copy_event(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy that whoever recorded it cannot change any more. None for what JSON cannot hold: it would fail each time."""
    try:
        copy: dict[str, Any] = json.loads(to_json(complete_event(event)))
        return copy
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None


def _count_fitting(events: Sequence[Mapping[str, Any]]) -> int:
    total = 0
    for count, event in enumerate(events):
        total += len(to_json(event)) + 2
        if total > _MAX_BATCH_BYTES:
            return max(1, count)
    return len(events)
