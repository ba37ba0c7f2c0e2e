"""The options that both clients share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

from ._calls import VERSION, Call
from ._queue import UsageOptions

Decision = TypeVar("Decision")

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

    def __post_init__(self) -> None:
        url = httpx.URL(self.base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"base_url must look like https://tollgate.example.com, not {self.base_url!r}.")

    @property
    def verify_seconds(self) -> float:
        return min(self.timeout, 2.0) if self.verify_timeout is None else self.verify_timeout

    def http_options(self) -> dict[str, Any]:
        """Redirects are never followed: the key goes to one place."""
        headers = {"Authorization": f"Bearer {self.service_key}", "User-Agent": f"tollgate-python/{VERSION}"}
        return {"headers": headers, "follow_redirects": False}

    def request_options(self, call: Call, seconds: float) -> dict[str, Any]:
        return {
            "method": call.method,
            "url": f"{self.base_url.rstrip('/')}/api/v1{call.path}",
            "params": call.query_items or None,
            "headers": call.headers,
            "timeout": seconds + _SLACK_SECONDS,
            "content": call.content,
        }
