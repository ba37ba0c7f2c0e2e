"""Verifies webhooks of Tollgate (Standard Webhooks 1.0.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

WebhookErrorCode = Literal["missing_header", "outside_tolerance", "wrong_signature", "unreadable_body"]


class WebhookError(Exception):
    """A request that is no webhook of this Tollgate. Answer it with 400."""

    def __init__(self, code: WebhookErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class WebhookEvent:
    """An event with the id that it has on every attempt. `timestamp` is ISO 8601, `data` is what its type says."""

    id: str
    type: str
    timestamp: str
    data: Mapping[str, Any]


def verify_webhook(
    headers: Mapping[str, str],
    body: str | bytes,
    secrets: str | Sequence[str],
    *,
    tolerance: float = 300,
) -> WebhookEvent:
    """Checks the signature and the time of a webhook, and reads it.

    The signature is an HMAC-SHA-256 of id, time and body, compared in constant time. `body` is the text or bytes as they
    arrived, not parsed and serialized again. `secrets` are `whsec_…`; give several while you change them. `tolerance` is
    how many seconds old an attempt may be, and how far ahead its clock. Ignore types that you do not know.

    Raises WebhookError, and ValueError for a secret in another form.
    """
    event_id = _read_header(headers, "webhook-id")
    timestamp = _read_header(headers, "webhook-timestamp")
    signatures = _read_header(headers, "webhook-signature")
    if not _is_near(timestamp, tolerance):
        raise WebhookError("outside_tolerance", "The webhook is a replay, or one of the two clocks is wrong.")
    content = body.encode() if isinstance(body, str) else body
    signed = f"{event_id}.{timestamp}.".encode() + content
    if not _is_signed(signed, signatures, [secrets] if isinstance(secrets, str) else secrets):
        raise WebhookError("wrong_signature", "No signature of the webhook is by one of the secrets.")
    return _parse_event(event_id, content)


def _read_header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name) or next((headers[key] for key in headers if key.lower() == name), None)
    if not value:
        raise WebhookError("missing_header", f"The webhook has no {name}.")
    return value


def _is_near(timestamp: str, tolerance: float) -> bool:
    try:
        return abs(time.time() - float(timestamp)) <= tolerance
    except ValueError:
        return False


def _is_signed(signed: bytes, header: str, secrets: Sequence[str]) -> bool:
    expected = [hmac.new(_decode_secret(secret), signed, hashlib.sha256).digest() for secret in secrets]
    given = [_decode_base64(one[3:]) for one in header.split(" ") if one.startswith("v1,")]
    return any(hmac.compare_digest(one, other) for one in expected for other in given if other is not None)


def _decode_secret(secret: str) -> bytes:
    raw = _decode_base64(secret.removeprefix("whsec_"))
    if not raw:
        raise ValueError("A webhook secret is whsec_ and base64.")
    return raw


def _decode_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _parse_event(event_id: str, content: bytes) -> WebhookEvent:
    try:
        event = json.loads(content)
        return WebhookEvent(event_id, event["type"], event["timestamp"], event["data"])
    except (ValueError, KeyError, TypeError):
        raise WebhookError("unreadable_body", "The body of the webhook is not JSON, or no event.") from None
