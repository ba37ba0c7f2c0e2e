"""The client of Tollgate: verify API keys, report usage, reserve quotas, receive webhooks."""

from ._async_client import AsyncTollgate
from ._calls import VERSION as __version__
from ._client import Tollgate
from ._errors import (
    ConflictError,
    ErrorCode,
    FieldError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    TollgateError,
    UnauthenticatedError,
    UnavailableError,
)
from ._generated import (
    ApiKey,
    ApiKeyPage,
    IssuedApiKey,
    Operation,
    Organization,
    ProblemCode,
    Quotas,
    RecordedUsage,
    RefusedToken,
    ReservationExtension,
    ReservationGranted,
    ReservationNotGranted,
    Settlement,
    UsageEvent,
    UsageSummary,
    ValidToken,
)
from ._queue import LostEvent, UsageOptions
from ._reservation import Hold, Reservation
from ._verdict import AsyncOnUnavailable, OnUnavailable, TokenVerdict, Verdict

__all__ = [
    "ApiKey",
    "ApiKeyPage",
    "AsyncOnUnavailable",
    "AsyncTollgate",
    "ConflictError",
    "ErrorCode",
    "FieldError",
    "ForbiddenError",
    "Hold",
    "InvalidRequestError",
    "IssuedApiKey",
    "LostEvent",
    "NotFoundError",
    "OnUnavailable",
    "Operation",
    "Organization",
    "ProblemCode",
    "Quotas",
    "RateLimitedError",
    "RecordedUsage",
    "RefusedToken",
    "Reservation",
    "ReservationExtension",
    "ReservationGranted",
    "ReservationNotGranted",
    "Settlement",
    "TokenVerdict",
    "Tollgate",
    "TollgateError",
    "UnauthenticatedError",
    "UnavailableError",
    "UsageEvent",
    "UsageOptions",
    "UsageSummary",
    "ValidToken",
    "Verdict",
    "__version__",
]
