"""Which key a request has, whether it may pass, and what is reported of it afterwards. Knows no framework."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from ._generated import UsageEvent
from ._verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._async_client import AsyncTollgate
    from ._client import Tollgate

_MAX_KEY_LENGTH = 256
_MAX_IP_LENGTH = 45

_TITLES: Mapping[str, str] = {
    "UNAUTHENTICATED": "Present an API key, as a bearer token or in X-API-Key.",
    "AMBIGUOUS_CREDENTIALS": "Present one API key: Authorization and X-API-Key hold different ones.",
    "NOT_FOUND": "The API key is not valid.",
    "REVOKED": "The API key was revoked.",
    "DISABLED": "The API key is disabled.",
    "EXPIRED": "The API key has expired.",
    "ORGANIZATION_SUSPENDED": "The organization is suspended.",
    "FORBIDDEN_IP": "The API key may not be used from this address.",
    "INSUFFICIENT_SCOPE": "The API key lacks a scope that this needs.",
    "RATE_LIMITED": "Too many requests.",
    "QUOTA_EXCEEDED": "The quota of this period is used up.",
    "CREDITS_EXHAUSTED": "The prepaid credits are used up.",
    "UNAVAILABLE": "API keys cannot be verified at the moment; retry shortly.",
}

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a request needs of its key."""

    scopes: Sequence[str] | None = None
    cost: int | None = None
    limits: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class RequestFacts:
    """How a request looks to Tollgate. The endpoint is a pattern such as `/v1/orders/{id}`, and not the path."""

    method: str
    endpoint: str
    authorization: str | None
    api_key: str | None
    user_agent: str | None
    ip: str | None
    # The caller's trace, which the verification belongs to.
    traceparent: str | None = None


@dataclass(frozen=True)
class Refusal:
    """An answer in the form of RFC 9457."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    def content(self) -> bytes:
        return json.dumps(self.body).encode()


def read_key(facts: RequestFacts) -> str | Refusal:
    """What Tollgate would call an invalid request is the caller's mistake here, so it is refused without asking."""
    match = re.fullmatch(r"Bearer +(\S+) *", facts.authorization or "", re.IGNORECASE)
    bearer = match[1] if match else None
    key = facts.api_key or bearer
    if not key:
        return _refuse(401, "UNAUTHENTICATED", _CHALLENGE)
    if bearer and bearer != key:
        return _refuse(400, "AMBIGUOUS_CREDENTIALS", {})
    return _refuse(401, "NOT_FOUND", _CHALLENGE) if len(key) > _MAX_KEY_LENGTH else key


def build_input(key: str, need: Need, facts: RequestFacts) -> dict[str, Any]:
    given = {
        "key": key,
        "method": facts.method,
        "endpoint": facts.endpoint,
        "scopes": None if need.scopes is None else list(need.scopes),
        "cost": need.cost,
        "limits": None if need.limits is None else dict(need.limits),
        "ip": facts.ip if facts.ip and len(facts.ip) <= _MAX_IP_LENGTH else None,
        "user_agent": facts.user_agent or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def refuse_by(verdict: Verdict) -> Refusal:
    return _refuse(verdict.status, verdict.code, verdict.headers, verdict.request_id)


def _refuse(status: int, code: str, headers: Mapping[str, str], request_id: str | None = None) -> Refusal:
    title = _TITLES.get(code, "The API key was refused.")
    body = {"type": "about:blank", "title": title, "status": status, "detail": title, "code": code.lower()}
    if request_id is not None:
        body["request_id"] = request_id
    return Refusal(status, {**headers, "Content-Type": "application/problem+json"}, body)


class KeyContext:
    """A request that was let through, for its handler."""

    def __init__(
        self, client: Tollgate | AsyncTollgate, verdict: Verdict, facts: RequestFacts, *, is_urgent: bool = False
    ) -> None:
        self.verdict = verdict
        # Whether its report is sent before the application returns.
        self.is_urgent = is_urgent
        self._client = client
        self._facts = facts
        self._began = time.monotonic()
        self._used: dict[str, Any] = {}
        self._reported: dict[str, Any] | None = None
        self._lock = Lock()  # a handler may run in a thread

    @property
    def client(self) -> Tollgate | AsyncTollgate:
        """The client that verified the key."""
        return self._client

    def use(self, **used: Unpack[UsageEvent]) -> None:
        """Says what the request used. A stream may call it at its end.

        Amounts of a later call replace those of an earlier one. After the answer has been sent, as in a background
        task, they count in addition.
        """
        with self._lock:
            reported = self._reported
            if reported is None:
                self._used.update(used)
        if reported is not None:
            self._client.record(cast(UsageEvent, {**reported, **used}))

    def report(self, status: int) -> None:
        """Records the request as a part of the verified one. What is used later is a further event of it."""
        verdict = self.verdict
        if not verdict.key_id or not verdict.request_id:
            return  # let through while nobody could tell whose key it is
        known = {
            "key_id": verdict.key_id,
            "request_id": verdict.request_id,
            "method": self._facts.method,
            "endpoint": self._facts.endpoint,
            "status_code": status,
        }
        milliseconds = round((time.monotonic() - self._began) * 1000)
        with self._lock:
            self._reported = known
        self._client.record(cast(UsageEvent, {**known, "response_time_ms": milliseconds, **self._used}))
