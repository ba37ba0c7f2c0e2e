"""What a program sees of the requests that its client sends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._calls import Call
from ._errors import TollgateError

_log = logging.getLogger("tollgate")


@dataclass(frozen=True, kw_only=True)
class SentRequest:
    """One attempt of a call, from 1. The path is as the API describes it, without values: `/auth/api-keys/{id}`."""

    method: str
    path: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class RequestOutcome(SentRequest):
    """How an attempt ended. `status` is None without an answer; so is `error` if whoever awaited it canceled."""

    ms: int
    status: int | None
    error: TollgateError | None


OnRequest = Callable[[SentRequest], object]
OnResponse = Callable[[RequestOutcome], object]


class Watch:
    """Tells the hooks of a call's attempts, of each end once: the deadline may come before that of the transport."""

    def __init__(self, call: Call, on_request: OnRequest | None, on_response: OnResponse | None) -> None:
        method, _, path = call.operation.partition(" ")
        self._request = SentRequest(method=method, path=path, attempt=0)
        self._on_request = on_request
        self._on_response = on_response
        self._began: float | None = None

    def begin(self) -> None:
        last = self._request
        self._request = SentRequest(method=last.method, path=last.path, attempt=last.attempt + 1)
        self._began = time.monotonic()
        _tell(self._on_request, self._request)

    def end(self, status: int | None = None, error: TollgateError | None = None) -> None:
        began, self._began = self._began, None
        if began is None:
            return
        ms = round((time.monotonic() - began) * 1000)
        request = self._request
        outcome = RequestOutcome(
            method=request.method, path=request.path, attempt=request.attempt, ms=ms, status=status, error=error
        )
        _tell(self._on_response, outcome)

    def fail(self, error: TollgateError) -> TollgateError:
        """Returns the error that it ended with."""
        self.end(error.status or None, error)
        return error


def _tell(hook: Callable[[Any], object] | None, event: SentRequest) -> None:
    if hook is None:
        return
    try:
        hook(event)
    except Exception:  # its failure must not fail the call
        _log.exception("A hook failed for %s %s", event.method, event.path)
