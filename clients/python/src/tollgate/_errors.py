"""Why a call failed: one class per kind, with the problem's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ._generated import ProblemCode

# A problem code of the server, or what happened on the way.
ErrorCode = ProblemCode | Literal["network_error", "timeout", "unreadable_answer"]


@dataclass(frozen=True)
class FieldError:
    """One field of the request that the server refused. The path looks like `body.events.0.id`."""

    path: str
    message: str


class TollgateError(Exception):
    """A call that failed. Every call raises this class or one below it.

    `status` is 0 if there was no answer. `retry_after` is in seconds; None if nothing is known of it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        request_id: str | None = None,
        retry_after: int | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.errors = tuple(errors)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, code={self.code!r}, status={self.status})"


class InvalidRequestError(TollgateError):
    """400, 413, 415 or 422: the request is wrong; `errors` names the fields. 0: JSON cannot hold it, so it was not sent."""


class UnauthenticatedError(TollgateError):
    """401: the service key is missing, wrong or revoked. `unreadable_answer`: something before Tollgate refused the call."""


class ForbiddenError(TollgateError):
    """403: the service key lacks a scope. `unreadable_answer`: something before Tollgate refused the call."""


class NotFoundError(TollgateError):
    """404: what the call names does not exist."""


class ConflictError(TollgateError):
    """409: another request, or the operator, has to change something first."""


class RateLimitedError(TollgateError):
    """429: Tollgate limits the calls of the service key itself."""


class UnavailableError(TollgateError):
    """408, 5xx, no answer, no answer in time, or one below 400 that cannot be read."""


_BY_STATUS: Mapping[int, type[TollgateError]] = {
    400: InvalidRequestError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
}

_UNANSWERED = frozenset({"network_error", "timeout"})


def error_for(message: str, *, code: str, status: int = 0, **details: Any) -> TollgateError:
    """Returns an error of the class that stands for its status."""
    is_unreadable = code == "unreadable_answer" and status < 400
    if code in _UNANSWERED or status == 408 or status >= 500 or is_unreadable:
        return UnavailableError(message, code=code, status=status, **details)
    return _BY_STATUS.get(status, TollgateError)(message, code=code, status=status, **details)


def is_unavailable(error: TollgateError) -> bool:
    """Whether Tollgate could not do its work."""
    return isinstance(error, (UnavailableError, RateLimitedError))


def may_allow(error: TollgateError) -> bool:
    """Whether `on_unavailable` decides.

    A caller can provoke the page of a firewall, so what cannot be read lets nobody pass.
    """
    return is_unavailable(error) and error.code != "unreadable_answer"


def is_refused(error: TollgateError) -> bool:
    """Whether no repeat can save a call: Tollgate itself has refused it."""
    return not is_unavailable(error) and error.code != "unreadable_answer"
