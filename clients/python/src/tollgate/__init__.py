"""The client of Tollgate: verify API keys, report usage, reserve quotas, receive webhooks."""

from typing import TYPE_CHECKING, Any

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
from ._observe import RequestOutcome, SentRequest
from ._queue import LostEvent, UsageOptions
from ._reservation import Hold, Reservation
from ._verdict import AsyncOnUnavailable, OnUnavailable, TokenVerdict, Verdict

if TYPE_CHECKING:
    from ._management_types import (
        Checkout,
        CreditGrant,
        CreditLedgerPage,
        Credits,
        KeyLimits,
        Meter,
        MeterList,
        ModelPrices,
        OpenReservation,
        OpenReservationPage,
        OwnModelPrice,
        OwnModelPriceList,
        SpendCap,
        TopUp,
        UsageBreakdown,
        UsageCorrection,
        UsageOfSubjects,
        UsageTimeseries,
    )

__all__ = [
    "ApiKey",
    "ApiKeyPage",
    "AsyncOnUnavailable",
    "AsyncTollgate",
    "Checkout",
    "ConflictError",
    "CreditGrant",
    "CreditLedgerPage",
    "Credits",
    "ErrorCode",
    "FieldError",
    "ForbiddenError",
    "Hold",
    "InvalidRequestError",
    "IssuedApiKey",
    "KeyLimits",
    "LostEvent",
    "Meter",
    "MeterList",
    "ModelPrices",
    "NotFoundError",
    "OnUnavailable",
    "OpenReservation",
    "OpenReservationPage",
    "Operation",
    "Organization",
    "OwnModelPrice",
    "OwnModelPriceList",
    "ProblemCode",
    "Quotas",
    "RateLimitedError",
    "RecordedUsage",
    "RefusedToken",
    "RequestOutcome",
    "Reservation",
    "ReservationExtension",
    "ReservationGranted",
    "ReservationNotGranted",
    "SentRequest",
    "Settlement",
    "SpendCap",
    "TokenVerdict",
    "Tollgate",
    "TollgateError",
    "TopUp",
    "UnauthenticatedError",
    "UnavailableError",
    "UsageBreakdown",
    "UsageCorrection",
    "UsageEvent",
    "UsageOfSubjects",
    "UsageOptions",
    "UsageSummary",
    "UsageTimeseries",
    "ValidToken",
    "Verdict",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Imports the classes of rarer answers when somebody names one, because it takes long to make them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _management_types

    return getattr(_management_types, name)
