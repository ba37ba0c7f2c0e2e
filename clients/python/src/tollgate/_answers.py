"""Reads what came back over HTTP."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Any, TypeVar

import httpx

from ._dataclasses import Answer, read_dataclass
from ._errors import FieldError, TollgateError, error_for

Other = TypeVar("Other")

_PASSED_ON = ("RateLimit-Policy", "RateLimit", "Retry-After")
_EMPTY_STATUSES = (202, 204)  # elsewhere an empty answer is not Tollgate's
_JSON = re.compile(r"application/([\w.-]+\+)?json\b")


@dataclass(frozen=True)
class Reply:
    """`headers` are only those that a verdict is passed on with."""

    body: Any
    headers: Mapping[str, str]
    status: int = 200


def read_reply(response: httpx.Response) -> Reply:
    """Raises a TollgateError for every answer but a success that can be read."""
    content_type = response.headers.get("Content-Type", "")
    body = _parse(response.content) if _JSON.match(content_type) else None
    if not response.is_success:
        raise _read_error(response, body if isinstance(body, dict) else {})
    if response.status_code in _EMPTY_STATUSES and not response.content:
        return Reply(None, {}, response.status_code)
    if content_type.startswith("text/csv"):
        return Reply(response.text, {}, response.status_code)
    if not isinstance(body, (dict, list)):
        raise unreadable(response)
    headers = {name: response.headers[name] for name in _PASSED_ON if name in response.headers}
    return Reply(body, headers, response.status_code)


def read_answer(kind: type[Answer], reply: Reply) -> Answer:
    """The answer as a dataclass. Raises a TollgateError if it is no JSON object."""
    if not isinstance(reply.body, dict):
        raise error_for("The answer is no object.", code="unreadable_answer", status=200)
    return read_dataclass(kind, reply.body)


def read_either(kinds: tuple[type[Answer], type[Other]], reply: Reply) -> Answer | Other:
    """The answer as the class that has more of the fields that are there."""
    fields = reply.body if isinstance(reply.body, dict) else {}
    first, second = (sum(name in fields for name in kind.__annotations__) for kind in kinds)
    return read_answer(kinds[0], reply) if first >= second else read_answer(kinds[1], reply)


def read_text(reply: Reply) -> str:
    """Raises a TollgateError if the answer is JSON."""
    if not isinstance(reply.body, str):
        raise error_for("The answer is no text.", code="unreadable_answer", status=200)
    return reply.body


def read_nothing(_: Reply) -> None:
    """Where an answer has no body."""


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _read_error(response: httpx.Response, problem: Mapping[str, Any]) -> TollgateError:
    status = response.status_code
    code = problem.get("code") or _guess_code(status)
    if not isinstance(code, str):
        return unreadable(response)
    return error_for(
        str(problem.get("detail") or problem.get("title") or f"Tollgate answered with status {status}."),
        code=code,
        status=status,
        request_id=problem.get("request_id") or response.headers.get("X-Request-Id"),
        retry_after=parse_retry_after(response.headers.get("Retry-After")),
        errors=_read_fields(problem.get("errors")),
    )


def _guess_code(status: int) -> str | None:
    """Proxies before Tollgate answer without a problem."""
    if status == 408 or status >= 500:
        return "unavailable"
    return "rate_limited" if status == 429 else None


def _read_fields(errors: Any) -> list[FieldError]:
    listed = errors if isinstance(errors, list) else []
    return [FieldError(str(one.get("path")), str(one.get("message"))) for one in listed if isinstance(one, dict)]


def unreadable(response: httpx.Response) -> TollgateError:
    status = response.status_code
    return error_for(
        f"What answered with status {status} is not Tollgate, or its answer is damaged.",
        code="unreadable_answer",
        status=status,
        request_id=response.headers.get("X-Request-Id"),
    )


def parse_retry_after(value: str | None) -> int | None:
    """Seconds or a date (RFC 9110 §10.2.3)."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    try:
        return max(0, ceil(parsedate_to_datetime(value).timestamp() - time.time()))
    except (ValueError, TypeError, OverflowError):
        return None
