"""The verdict about a key, and what becomes of one that Tollgate could not give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ._answers import Reply, read_answer
from ._dataclasses import read_dataclass
from ._errors import TollgateError, error_for
from ._generated import RefusedToken, ValidToken, VerdictFields

Choice = Literal["allow", "deny"]
# What becomes of a verification that Tollgate could not answer. A function gets the error and the verification's input.
OnUnavailable = Choice | Callable[[TollgateError, Mapping[str, Any]], Choice]
AsyncOnUnavailable = OnUnavailable | Callable[[TollgateError, Mapping[str, Any]], Awaitable[Choice]]

# A refusal is data: `valid` is False.
TokenVerdict = ValidToken | RefusedToken

_RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, kw_only=True)
class Verdict(VerdictFields):
    """Whether a key may make a request. Only a valid verdict has all facts of the key.

    The code `UNAVAILABLE` is of a verdict that `on_unavailable` gave: nobody knows the key, and `error` says why.
    """

    # The headers of an answer that follows the verdict, ready to copy.
    headers: Mapping[str, str] = field(default_factory=dict)
    error: TollgateError | None = None


def read_verdict(reply: Reply) -> Verdict:
    body = reply.body
    if not isinstance(body, dict) or not _is_verdict(body):
        raise error_for("The answer is no verdict.", code="unreadable_answer", status=200)
    headers = dict(reply.headers)
    if body.get("retry_after") is not None:
        headers["Retry-After"] = str(body["retry_after"])
    if body["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return read_dataclass(Verdict, {**body, "headers": headers, "error": None})


def _is_verdict(body: Mapping[str, Any]) -> bool:
    types = {"valid": bool, "code": str, "status": int}
    return all(isinstance(body.get(name), kind) for name, kind in types.items())


def read_token_verdict(reply: Reply) -> TokenVerdict:
    is_valid = isinstance(reply.body, dict) and reply.body.get("valid") is True
    return read_answer(ValidToken, reply) if is_valid else read_answer(RefusedToken, reply)


def unchecked_verdict(choice: str, error: TollgateError) -> Verdict:
    """Anything but `allow` denies."""
    if choice == "allow":
        return Verdict(valid=True, code="UNAVAILABLE", status=200, retry_after=None, error=error)
    retry_after = max(_RETRY_AFTER_SECONDS, error.retry_after or 0)
    return Verdict(
        valid=False,
        code="UNAVAILABLE",
        status=503,
        retry_after=retry_after,
        headers={"Retry-After": str(retry_after)},
        error=error,
    )
