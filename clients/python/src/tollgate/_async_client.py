"""The asynchronous client: as the synchronous one, method by method."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
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
from ._async_management import AsyncManagement
from ._observe import OnRequest, OnResponse
from ._options import ClientOptions
from ._pages import Item, PageOf
from ._pages import iterate_async as iterate
from ._queue import UsageOptions
from ._async_recorder import AsyncRecorder
from ._reservation import Hold, Reservation, hold_without, read_reservation
from ._async_sender import AsyncSender
from ._verdict import (
    AsyncOnUnavailable,
    TokenVerdict,
    Verdict,
    read_token_verdict,
    read_verdict,
    unchecked_verdict,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from . import _generated as wire


class AsyncTollgate(AsyncManagement):
    """Tollgate, for those who protect an API with it.

    The same as `Tollgate`, with coroutines. Make one for each event loop of asyncio.
    """

    def __init__(
        self,
        *,
        base_url: str,
        service_key: str,
        timeout: float = 10.0,
        verify_timeout: float | None = None,
        retries: int = 2,
        on_unavailable: AsyncOnUnavailable = "deny",
        usage: UsageOptions = UsageOptions(),
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
        traceparent: Callable[[], str | None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        """Takes where Tollgate is, such as `https://tollgate.example.com`, and a key of `POST /admin/service-keys`.

        `timeout` bounds each call with all its retries, `verify_timeout` verifications: 2 s by default, or `timeout` if
        that is less. `retries` says how often a call is repeated at most, where that is safe. `on_unavailable` decides
        about a verification that Tollgate could not answer. `on_request` and `on_response` see each attempt of a call,
        and `traceparent` gives the trace of a call that names none. `transport` replaces the network of httpx, and
        `http_client` the whole client, which stays open when this one closes.

        Raises ValueError if `base_url` is no address, or for a `transport` beside an `http_client`.
        """
        self._options = ClientOptions[AsyncOnUnavailable](
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
        self._sender = AsyncSender(self._options, transport, http_client)
        self._recorder = AsyncRecorder(self._send_batch, usage)

    async def verify_key(
        self,
        *,
        timeout: float | None = None,
        on_unavailable: AsyncOnUnavailable | None = None,
        traceparent: str | None = None,
        **given: Unpack[wire.VerifyKeyInput],
    ) -> Verdict:
        """Whether an API key may do something. A refusal is a verdict and not an error."""
        seconds = self._options.verify_seconds if timeout is None else timeout
        call = replace(_calls.verify_key(given), traceparent=traceparent)
        try:
            return read_verdict(await self._perform(call, seconds))
        except TollgateError as error:
            if not is_unavailable(error):
                raise
            if not may_allow(error):
                return unchecked_verdict("deny", error)
            choice = self._options.on_unavailable if on_unavailable is None else on_unavailable
            chosen = choice(error, given) if callable(choice) else choice
            return unchecked_verdict(await chosen if inspect.isawaitable(chosen) else chosen, error)

    async def verify_token(
        self, *, timeout: float | None = None, traceparent: str | None = None, **given: Unpack[wire.VerifyTokenInput]
    ) -> TokenVerdict:
        """Whose access token this is, and what they may do there. A refusal is a verdict and not an error."""
        seconds = self._options.verify_seconds if timeout is None else timeout
        call = replace(_calls.verify_token(given), traceparent=traceparent)
        return read_token_verdict(await self._perform(call, seconds))

    async def issue_key(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.IssueKeyInput]
    ) -> IssuedApiKey:
        """Issues a key for a customer. The answer is the only copy of the key."""
        return read_answer(IssuedApiKey, await self._perform(_calls.issue_key(given, idempotency_key), timeout))

    async def list_keys(self, *, timeout: float | None = None, **given: Unpack[wire.ListKeysInput]) -> ApiKeyPage:
        """One page of a customer's keys, newest first."""
        return read_answer(ApiKeyPage, await self._perform(_calls.list_keys(given), timeout))

    async def update_key(self, *, timeout: float | None = None, **given: Unpack[wire.UpdateKeyInput]) -> ApiKey:
        """Changes the fields that are there; None clears one."""
        return read_answer(ApiKey, await self._perform(_calls.update_key(given), timeout))

    async def rotate_key(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.RotateKeyInput]
    ) -> IssuedApiKey:
        """Replaces a key by a new one. The answer is the only copy of the new key."""
        return read_answer(IssuedApiKey, await self._perform(_calls.rotate_key(given, idempotency_key), timeout))

    async def revoke_key(self, *, timeout: float | None = None, **given: Unpack[wire.RevokeKeyInput]) -> None:
        """Revokes a key for good. Revoking again is no error."""
        await self._perform(_calls.revoke_key(given), timeout)

    async def upsert_customer(
        self, *, timeout: float | None = None, **given: Unpack[wire.UpsertCustomerInput]
    ) -> Organization:
        """Finds or makes the organization of a customer, by your own id of it."""
        return read_answer(Organization, await self._perform(_calls.upsert_customer(given), timeout))

    def record(self, *events: UsageEvent, **event: Unpack[wire.UsageEvent]) -> None:
        """Takes events into a queue that is sent in the background: one by keywords, or several. See `flush`."""
        self._recorder.record(_calls.check_events(events, event))

    async def flush(self) -> None:
        """Sends what was recorded. Raises a TollgateError when Tollgate is unavailable; the events keep waiting."""
        await self._recorder.flush()

    async def send_usage(
        self, events: Iterable[UsageEvent], *, timeout: float | None = None, traceparent: str | None = None
    ) -> RecordedUsage:
        """Sends events now, and says what became of each."""
        call = replace(_calls.send_usage(events, self._options.usage.durability), traceparent=traceparent)
        return read_answer(RecordedUsage, await self._perform(call, timeout))

    async def reserve(
        self, *, timeout: float | None = None, traceparent: str | None = None, **given: Unpack[wire.ReserveInput]
    ) -> Reservation:
        """Holds units for work whose cost is known afterwards. A refusal is data: `granted` is False."""
        call = replace(_calls.reserve(given), traceparent=traceparent)
        return read_reservation(await self._perform(call, timeout))

    async def settle(
        self, *, timeout: float | None = None, traceparent: str | None = None, **given: Unpack[wire.SettleInput]
    ) -> Settlement:
        """Records what was really used, and releases the hold."""
        call = replace(_calls.settle(given), traceparent=traceparent)
        return read_answer(Settlement, await self._perform(call, timeout))

    async def extend(
        self, reservation_id: str, *, expires_in_seconds: int, timeout: float | None = None
    ) -> ReservationExtension:
        """Lets a hold expire later: so many seconds from now, never earlier than it would."""
        return read_answer(ReservationExtension, await self._perform(_calls.extend(reservation_id, expires_in_seconds), timeout))

    async def cancel(self, reservation_id: str, *, timeout: float | None = None) -> Settlement:
        """Releases a hold, and records nothing."""
        return await self.settle(reservation_id=reservation_id, cancel=True, timeout=timeout)

    @asynccontextmanager
    async def reservation(
        self,
        *,
        timeout: float | None = None,
        on_unavailable: Literal["allow", "deny"] = "deny",
        traceparent: str | None = None,
        **given: Unpack[wire.ReserveInput],
    ) -> AsyncIterator[Hold]:
        """Holds units for the body, and settles what it said by `use`, also when it raises.

        If it said nothing, all is given back.
        The body runs even if the quota refused: look at `granted`. While Tollgate cannot hold units, `deny` raises and
        `allow` runs the body and records its use. What cannot be settled at the end waits in the queue of usage.
        """
        try:
            hold = Hold(await self.reserve(timeout=timeout, traceparent=traceparent, **given), given)
        except TollgateError as error:
            hold = hold_without(error, on_unavailable, given)
        try:
            yield hold
        finally:
            await asyncio.shield(self._settle(hold, traceparent))  # a second cancellation must not end it

    async def _settle(self, hold: Hold, traceparent: str | None) -> None:
        settlement, event = hold.settlement(), hold.unsettled()
        if settlement is not None:
            try:
                await self._perform(replace(_calls.settle(settlement), traceparent=traceparent), None)
                return
            except InvalidRequestError:
                await self._release(settlement["reservation_id"])  # nothing will settle it
            except TollgateError:
                pass  # the event counts instead
        if event is not None:
            self.record(event)

    async def _release(self, reservation_id: str) -> None:
        try:
            await self.cancel(reservation_id)
        except TollgateError:
            pass  # it expires

    async def usage_summary(
        self, *, timeout: float | None = None, **given: Unpack[wire.UsageSummaryInput]
    ) -> UsageSummary:
        """What a customer used in a span, beside the one before. The span's beginning is `from_`."""
        return read_answer(UsageSummary, await self._perform(_calls.usage_summary(given), timeout))

    async def get_quotas(self, *, timeout: float | None = None, **given: Unpack[wire.GetQuotasInput]) -> Quotas:
        """A customer's limits and use."""
        return read_answer(Quotas, await self._perform(_calls.get_quotas(given), timeout))

    def iterate(self, list_page: Callable[..., Awaitable[PageOf[Item]]], **given: Any) -> AsyncIterator[Item]:
        """Every item of a list, page by page: `async for one in tollgate.iterate(tollgate.list_keys, limit=100)`."""
        return iterate(list_page, given)

    async def call(
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
        return (await self._perform(call, timeout)).body

    async def aclose(self) -> None:
        """Sends what was recorded, says what was not taken (`on_lost`), and closes the connections."""
        await self._recorder.close(self._options.timeout)
        await self._sender.close()

    async def __aenter__(self) -> AsyncTollgate:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send_batch(self, events: Iterable[Any], timeout: float | None) -> RecordedUsage:
        return await self.send_usage(events, timeout=timeout)

    async def _perform(self, call: Call, timeout: float | None) -> Reply:
        return await self._sender.perform(call, timeout)
