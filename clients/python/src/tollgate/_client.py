"""The synchronous client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import httpx

from . import _calls
from ._answers import Reply, read_answer
from ._calls import Call
from ._errors import InvalidRequestError, TollgateError, is_unavailable, may_allow
from ._generated import (
    ApiKey,
    ApiKeyPage,
    IssuedApiKey,
    Operation,
    Organization,
    Quotas,
    RecordedUsage,
    ReservationExtension,
    Settlement,
    UsageEvent,
    UsageSummary,
)
from ._management import Management
from ._observe import OnRequest, OnResponse
from ._options import ClientOptions
from ._pages import Item, PageOf, iterate
from ._queue import UsageOptions
from ._recorder import Recorder
from ._reservation import Hold, Reservation, hold_without, read_reservation
from ._sender import Sender
from ._verdict import OnUnavailable, TokenVerdict, Verdict, read_token_verdict, read_verdict, unchecked_verdict

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from . import _generated as wire


class Tollgate(Management):
    """Tollgate, for those who protect an API with it.

    Every call ends within its timeout, and raises a TollgateError or nothing. Times are in seconds. Threads may share a
    client. `AsyncTollgate` has the same methods as coroutines.
    """

    def __init__(
        self,
        *,
        base_url: str,
        service_key: str,
        timeout: float = 10.0,
        verify_timeout: float | None = None,
        retries: int = 2,
        on_unavailable: OnUnavailable = "deny",
        usage: UsageOptions = UsageOptions(),
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
        traceparent: Callable[[], str | None] | None = None,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        """Takes where Tollgate is, such as `https://tollgate.example.com`, and a key of `POST /admin/service-keys`.

        `timeout` bounds each call with all its retries, `verify_timeout` verifications: 2 s by default, or `timeout` if
        that is less. `retries` says how often a call is repeated at most, where that is safe. `on_unavailable` decides
        about a verification that Tollgate could not answer. `on_request` and `on_response` see each attempt of a call,
        and `traceparent` gives the trace of a call that names none. `transport` replaces the network of httpx, and
        `http_client` the whole client, which stays open when this one closes.

        Raises ValueError if `base_url` is no address, or for a `transport` beside an `http_client`.
        """
        self._options = ClientOptions[OnUnavailable](
            base_url=base_url,
            service_key=service_key,
            timeout=timeout,
            verify_timeout=verify_timeout,
            retries=retries,
            on_unavailable=on_unavailable,
            usage=usage,
            on_request=on_request,
            on_response=on_response,
            traceparent=traceparent,
        )
        self._sender = Sender(self._options, transport, http_client)
        self._recorder = Recorder(self._send_batch, usage)

    def verify_key(
        self,
        *,
        timeout: float | None = None,
        on_unavailable: OnUnavailable | None = None,
        traceparent: str | None = None,
        **given: Unpack[wire.VerifyKeyInput],
    ) -> Verdict:
        """Whether an API key may do something. A refusal is a verdict and not an error."""
        seconds = self._options.verify_seconds if timeout is None else timeout
        call = replace(_calls.verify_key(given), traceparent=traceparent)
        try:
            return read_verdict(self._perform(call, seconds))
        except TollgateError as error:
            if not is_unavailable(error):
                raise
            if not may_allow(error):
                return unchecked_verdict("deny", error)
            choice = self._options.on_unavailable if on_unavailable is None else on_unavailable
            return unchecked_verdict(choice(error, given) if callable(choice) else choice, error)

    def verify_token(
        self, *, timeout: float | None = None, traceparent: str | None = None, **given: Unpack[wire.VerifyTokenInput]
    ) -> TokenVerdict:
        """Whose access token this is, and what they may do there. A refusal is a verdict and not an error."""
        seconds = self._options.verify_seconds if timeout is None else timeout
        call = replace(_calls.verify_token(given), traceparent=traceparent)
        return read_token_verdict(self._perform(call, seconds))

    def issue_key(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.IssueKeyInput]
    ) -> IssuedApiKey:
        """Issues a key for a customer. The answer is the only copy of the key."""
        return read_answer(IssuedApiKey, self._perform(_calls.issue_key(given, idempotency_key), timeout))

    def list_keys(self, *, timeout: float | None = None, **given: Unpack[wire.ListKeysInput]) -> ApiKeyPage:
        """One page of a customer's keys, newest first."""
        return read_answer(ApiKeyPage, self._perform(_calls.list_keys(given), timeout))

    def update_key(self, *, timeout: float | None = None, **given: Unpack[wire.UpdateKeyInput]) -> ApiKey:
        """Changes the fields that are there; None clears one."""
        return read_answer(ApiKey, self._perform(_calls.update_key(given), timeout))

    def rotate_key(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.RotateKeyInput]
    ) -> IssuedApiKey:
        """Replaces a key by a new one. The answer is the only copy of the new key."""
        return read_answer(IssuedApiKey, self._perform(_calls.rotate_key(given, idempotency_key), timeout))

    def revoke_key(self, *, timeout: float | None = None, **given: Unpack[wire.RevokeKeyInput]) -> None:
        """Revokes a key for good. Revoking again is no error."""
        self._perform(_calls.revoke_key(given), timeout)

    def upsert_customer(
        self, *, timeout: float | None = None, **given: Unpack[wire.UpsertCustomerInput]
    ) -> Organization:
        """Finds or makes the organization of a customer, by your own id of it."""
        return read_answer(Organization, self._perform(_calls.upsert_customer(given), timeout))

    def record(self, *events: UsageEvent, **event: Unpack[wire.UsageEvent]) -> None:
        """Takes events into a queue that is sent in the background: one by keywords, or several. See `flush`."""
        self._recorder.record(_calls.check_events(events, event))

    def flush(self) -> None:
        """Sends what was recorded. Raises a TollgateError when Tollgate is unavailable; the events keep waiting."""
        self._recorder.flush()

    def send_usage(
        self, events: Iterable[UsageEvent], *, timeout: float | None = None, traceparent: str | None = None
    ) -> RecordedUsage:
        """Sends events now, and says what became of each."""
        call = replace(_calls.send_usage(events, self._options.usage.durability), traceparent=traceparent)
        return read_answer(RecordedUsage, self._perform(call, timeout))

    def reserve(
        self, *, timeout: float | None = None, traceparent: str | None = None, **given: Unpack[wire.ReserveInput]
    ) -> Reservation:
        """Holds units for work whose cost is known afterwards. A refusal is data: `granted` is False."""
        call = replace(_calls.reserve(given), traceparent=traceparent)
        return read_reservation(self._perform(call, timeout))

    def settle(
        self, *, timeout: float | None = None, traceparent: str | None = None, **given: Unpack[wire.SettleInput]
    ) -> Settlement:
        """Records what was really used, and releases the hold."""
        call = replace(_calls.settle(given), traceparent=traceparent)
        return read_answer(Settlement, self._perform(call, timeout))

    def extend(
        self, reservation_id: str, *, expires_in_seconds: int, timeout: float | None = None
    ) -> ReservationExtension:
        """Lets a hold expire later: so many seconds from now, never earlier than it would."""
        return read_answer(ReservationExtension, self._perform(_calls.extend(reservation_id, expires_in_seconds), timeout))

    def cancel(self, reservation_id: str, *, timeout: float | None = None) -> Settlement:
        """Releases a hold, and records nothing."""
        return self.settle(reservation_id=reservation_id, cancel=True, timeout=timeout)

    @contextmanager
    def reservation(
        self,
        *,
        timeout: float | None = None,
        on_unavailable: Literal["allow", "deny"] = "deny",
        traceparent: str | None = None,
        **given: Unpack[wire.ReserveInput],
    ) -> Iterator[Hold]:
        """Holds units for the body, and settles what it said by `use`, also when it raises.

        If it said nothing, all is given back.
        The body runs even if the quota refused: look at `granted`. While Tollgate cannot hold units, `deny` raises and
        `allow` runs the body and records its use. What cannot be settled at the end waits in the queue of usage.
        """
        try:
            hold = Hold(self.reserve(timeout=timeout, traceparent=traceparent, **given), given)
        except TollgateError as error:
            hold = hold_without(error, on_unavailable, given)
        try:
            yield hold
        finally:
            self._settle(hold, traceparent)

    def _settle(self, hold: Hold, traceparent: str | None) -> None:
        settlement, event = hold.settlement(), hold.unsettled()
        if settlement is not None:
            try:
                self._perform(replace(_calls.settle(settlement), traceparent=traceparent), None)
                return
            except InvalidRequestError:
                self._release(settlement["reservation_id"])  # nothing will settle it
            except TollgateError:
                pass  # the event counts instead
        if event is not None:
            self.record(event)

    def _release(self, reservation_id: str) -> None:
        try:
            self.cancel(reservation_id)
        except TollgateError:
            pass  # it expires

    def usage_summary(self, *, timeout: float | None = None, **given: Unpack[wire.UsageSummaryInput]) -> UsageSummary:
        """What a customer used in a span, beside the one before. The span's beginning is `from_`."""
        return read_answer(UsageSummary, self._perform(_calls.usage_summary(given), timeout))

    def get_quotas(self, *, timeout: float | None = None, **given: Unpack[wire.GetQuotasInput]) -> Quotas:
        """A customer's limits and use."""
        return read_answer(Quotas, self._perform(_calls.get_quotas(given), timeout))

    def iterate(self, list_page: Callable[..., PageOf[Item]], **given: Any) -> Iterator[Item]:
        """Every item of a list, page by page: `for one in tollgate.iterate(tollgate.list_keys, limit=100)`."""
        return iterate(list_page, given)

    def call(
        self,
        operation: Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
    ) -> Any:
        """Calls any operation of the API by its method and path, such as `GET /usage/breakdown`.

        Returns the JSON of the answer, text for CSV, and None where it has no body.
        """
        call = Call(
            operation=operation,
            params=params,
            query=query,
            body=body,
            idempotency_key=idempotency_key,
            traceparent=traceparent,
        )
        return self._perform(call, timeout).body

    def close(self) -> None:
        """Sends what was recorded, says what was not taken (`on_lost`), and closes the connections."""
        self._recorder.close(self._options.timeout)
        self._sender.close()

    def __enter__(self) -> Tollgate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send_batch(self, events: Iterable[Any], timeout: float | None) -> RecordedUsage:
        return self.send_usage(events, timeout=timeout)

    def _perform(self, call: Call, timeout: float | None) -> Reply:
        return self._sender.perform(call, timeout)
