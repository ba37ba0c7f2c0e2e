"""What each method sends: one table for the synchronous and the asynchronous client."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from . import _generated as wire
from ._errors import InvalidRequestError
from ._generated import IDEMPOTENT_OPERATIONS

VERSION = "0.1.0"

# Version, trace, parent and flags; a later version may add more (https://www.w3.org/TR/trace-context-1/).
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call on its way. `operation` looks like `GET /quotas`."""

    operation: str
    params: Mapping[str, str] | None = None
    query: Mapping[str, Any] | None = None
    body: Any = None
    idempotency_key: str | None = None
    traceparent: str | None = None
    # The body as it is sent. See `encode_body`.
    content: bytes | None = None

    @property
    def method(self) -> str:
        return self.operation.split(" ")[0]

    @property
    def path(self) -> str:
        params = self.params or {}
        template = self.operation.partition(" ")[2]
        return re.sub(r"\{(\w+)\}", lambda name: quote(str(params.get(name[1], "")), safe=""), template)

    @property
    def headers(self) -> dict[str, str]:
        headers = {} if self.body is None else {"Content-Type": "application/json"}
        if self.idempotency_key is not None:
            headers["Idempotency-Key"] = self.idempotency_key
        if self.traceparent is not None and _TRACEPARENT.fullmatch(self.traceparent):
            headers["traceparent"] = self.traceparent
        return headers

    @property
    def query_items(self) -> list[tuple[str, str]]:
        return [(name, _to_text(value)) for name, value in (self.query or {}).items() if value is not None]


def to_json(value: Any) -> bytes:
    """In UTF-8, where a character takes half of what it takes when it is escaped. A Decimal becomes text.

    Raises TypeError, ValueError or RecursionError for what JSON cannot hold, such as a set, NaN or a cycle.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_write_decimal)
    return text.encode("utf-8", "backslashreplace")


def _write_decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"JSON cannot hold a {type(value).__name__}.")


def encode_body(call: Call) -> Call:
    """Once for all attempts. Raises an InvalidRequestError if JSON cannot hold the body."""
    try:
        return call if call.body is None else replace(call, content=to_json(call.body))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"The request cannot be sent: {error}"
        raise InvalidRequestError(message, code="invalid_request", status=0) from error


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def add_idempotency_key(call: Call) -> Call:
    if call.operation not in IDEMPOTENT_OPERATIONS or call.idempotency_key is not None:
        return call
    return replace(call, idempotency_key=str(uuid.uuid4()))


def verify_key(given: Mapping[str, Any]) -> Call:
    return Call(operation="POST /keys/verify", body=check_keywords(given, wire.VerifyKeyInput))


def verify_token(given: Mapping[str, Any]) -> Call:
    return Call(operation="POST /tokens/verify", body=check_keywords(given, wire.VerifyTokenInput))


def issue_key(given: Mapping[str, Any], idempotency_key: str | None) -> Call:
    body = check_keywords(given, wire.IssueKeyInput)
    return Call(operation="POST /auth/api-keys", body=body, idempotency_key=idempotency_key)


def list_keys(given: Mapping[str, Any]) -> Call:
    return Call(operation="GET /auth/api-keys", query=check_keywords(given, wire.ListKeysInput))


def update_key(given: Mapping[str, Any]) -> Call:
    return _about_key("PATCH /auth/api-keys/{id}", check_keywords(given, wire.UpdateKeyInput))


def rotate_key(given: Mapping[str, Any], idempotency_key: str | None) -> Call:
    call = _about_key("POST /auth/api-keys/{id}/rotate", check_keywords(given, wire.RotateKeyInput))
    return replace(call, idempotency_key=idempotency_key)


def revoke_key(given: Mapping[str, Any]) -> Call:
    return replace(_about_key("DELETE /auth/api-keys/{id}", check_keywords(given, wire.RevokeKeyInput)), body=None)


def upsert_customer(given: Mapping[str, Any]) -> Call:
    body = check_keywords(given, wire.UpsertCustomerInput)
    params = {"external_id": body.pop("external_id", "")}
    return Call(operation="PUT /admin/organizations/by-external-id/{external_id}", params=params, body=body)


def send_usage(events: Iterable[Mapping[str, Any]], durability: str | None) -> Call:
    body: dict[str, Any] = {"events": [complete_event(event) for event in events]}
    if durability is not None:
        body["durability"] = durability
    return Call(operation="POST /usage", body=body)


def reserve(given: Mapping[str, Any]) -> Call:
    """A repeat of the call gets the same hold."""
    body = {"idempotency_key": str(uuid.uuid4()), **check_keywords(given, wire.ReserveInput)}
    return Call(operation="POST /usage/reserve", body=body)


def settle(given: Mapping[str, Any]) -> Call:
    return Call(operation="POST /usage/settle", body=check_keywords(given, wire.SettleInput))


def extend(reservation_id: str, expires_in_seconds: int) -> Call:
    return Call(
        operation="POST /usage/reservations/{id}/extend",
        params={"id": reservation_id},
        body={"expires_in_seconds": expires_in_seconds},
    )


def usage_summary(given: Mapping[str, Any]) -> Call:
    return Call(operation="GET /usage/summary", query=check_keywords(given, wire.UsageSummaryInput))


def get_quotas(given: Mapping[str, Any]) -> Call:
    return Call(operation="GET /quotas", query=check_keywords(given, wire.GetQuotasInput))


def complete_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """The id makes repeats count once, and the time is that of the use, not of its report."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**event, "id": event.get("id") or str(uuid.uuid4()), "timestamp": event.get("timestamp") or now}


def check_events(events: Iterable[Mapping[str, Any]], event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Events that were given whole, and one that was given by keywords."""
    return [*events, *([check_keywords(event, wire.UsageEvent)] if event else [])]


def _about_key(operation: str, given: dict[str, Any]) -> Call:
    """The organization stands in the query, the key in the path."""
    params = {"id": given.pop("key_id", "")}
    query = {name: given.pop(name, None) for name in ("organization_id", "external_id")}
    return Call(operation=operation, params=params, query=query, body=given)


def check_keywords(given: Mapping[str, Any], known: type) -> dict[str, Any]:
    """A misspelled keyword must not pass: a verification would check less than was asked for."""
    for name in given:
        if name not in known.__annotations__:
            raise TypeError(
                f"Unexpected keyword argument {name!r}; known are {', '.join(sorted(known.__annotations__))}."
            )
    return {name.removesuffix("_"): value for name, value in given.items()}
