"""When a call is sent again, and when. Pure but for the jitter."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from ._calls import Call
from ._errors import TollgateError, error_for
from ._generated import IDEMPOTENT_OPERATIONS

_FIRST_BACKOFF_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 2.0

_TRANSIENT_STATUSES = frozenset({502, 503, 504})
_TRANSIENT_CODES = frozenset({"network_error", "unreadable_answer", "request_in_progress"})


def _all_have_ids(body: Mapping[str, Any]) -> bool:
    return all(event.get("id") for event in body.get("events", ()))


# Operations that count once, by what their bodies say.
_COUNTS_ONCE: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "POST /keys/verify": lambda body: body.get("idempotency_key") is not None,
    "POST /tokens/verify": lambda _: True,
    "POST /usage": _all_have_ids,
    "POST /usage/reserve": lambda body: body.get("idempotency_key") is not None,
    "POST /usage/settle": lambda _: True,
    "POST /usage/reservations/{id}/extend": lambda _: True,
    "POST /usage/corrections": lambda _: True,
    "POST /usage/subjects/erase": lambda _: True,
    "POST /billing/preview": lambda _: True,
    "POST /admin/keys/lookup": lambda _: True,
}


def to_tollgate_error(error: Exception, timeout: float) -> TollgateError:
    """What httpx raises, as an error of this package. Waiting for a connection counts as a timeout as well."""
    if isinstance(error, TollgateError):
        return error
    if isinstance(error, httpx.TimeoutException):
        return timed_out(timeout)
    failure = error_for("Tollgate cannot be reached.", code="network_error")
    failure.__cause__ = error
    return failure


def timed_out(timeout: float) -> TollgateError:
    return error_for(f"Tollgate did not answer within {timeout:g} s.", code="timeout")


def may_repeat(call: Call, failure: TollgateError) -> bool:
    """After a 429 always; else only what did not arrive, or counts once however often it arrives."""
    if failure.status == 429 or isinstance(failure.__cause__, httpx.ConnectError):
        return True
    if failure.status == 503 and call.operation == "POST /keys/verify":
        return True  # no verdict, so nothing was taken
    is_transient = failure.status in _TRANSIENT_STATUSES or failure.code in _TRANSIENT_CODES
    return is_transient and _counts_once(call)


def _counts_once(call: Call) -> bool:
    if call.method in ("GET", "PUT", "DELETE") or call.operation in IDEMPOTENT_OPERATIONS:
        return True
    counts_once = _COUNTS_ONCE.get(call.operation)
    return counts_once is not None and counts_once(call.body or {})


def wait_seconds(failure: TollgateError, attempts: int) -> float:
    """As `Retry-After` says, or with jitter."""
    if failure.retry_after is not None:
        return failure.retry_after
    backoff = min(_MAX_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0**attempts)
    return backoff * random.uniform(0.5, 1)
