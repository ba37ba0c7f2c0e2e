"""The options that both clients share."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import httpx

from ._calls import VERSION, Call
from ._observe import OnRequest, OnResponse
from ._queue import UsageOptions

Decision = TypeVar("Decision")

_log = logging.getLogger("tollgate")

# The call's own deadline comes first. Two that fire at once would race, and this one only ends what was given up.
_SLACK_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class ClientOptions(Generic[Decision]):
    """Seconds, all of them. A timeout bounds a call with all its retries."""

    base_url: str
    service_key: str = field(repr=False)
    timeout: float
    verify_timeout: float | None
    retries: int
    on_unavailable: Decision
    usage: UsageOptions
    on_request: OnRequest | None
    on_response: OnResponse | None
    traceparent: Callable[[], str | None] | None

    def __post_init__(self) -> None:
        url = httpx.URL(self.base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"base_url must look like https://tollgate.example.com, not {self.base_url!r}.")

    @property
    def verify_seconds(self) -> float:
        return min(self.timeout, 2.0) if self.verify_timeout is None else self.verify_timeout

    def trace(self, call: Call) -> Call:
        """A call that names no trace belongs to that of the current span."""
        if call.traceparent is not None or self.traceparent is None:
            return call
        try:
            return replace(call, traceparent=self.traceparent())
        except Exception:  # a call is worth more than its trace
            _log.exception("traceparent failed for %s", call.operation)
            return call

    def request_options(self, call: Call, seconds: float) -> dict[str, Any]:
        """Redirects are never followed, and no other credentials sent, whatever the client of httpx would do."""
        known = {"Authorization": f"Bearer {self.service_key}", "User-Agent": f"tollgate-python/{VERSION}"}
        return {
            "auth": None,
            "follow_redirects": False,
            "method": call.method,
            "url": f"{self.base_url.rstrip('/')}/api/v1{call.path}",
            "params": call.query_items or None,
            "headers": {**known, **call.headers},
            "timeout": seconds + _SLACK_SECONDS,
            "content": call.content,
        }
