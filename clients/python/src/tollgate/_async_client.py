"""The asynchronous client: as the synchronous one, method by method."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import httpx

from . import _calls
from ._answers import Reply, read_answer, read_reply
from ._calls import Call
from ._deadline import await_within
from ._errors import TollgateError, is_unavailable
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
from ._options import ClientOptions
from ._queue import UsageOptions
from ._async_recorder import AsyncRecorder
from ._reservation import Hold, Reservation, hold_without, read_reservation
from ._retries import may_repeat, timed_out, to_tollgate_error, wait_seconds
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Takes where Tollgate is, such as `https://tollgate.example.com`, and a key of `POST /admin/service-keys`.

        `timeout` bounds each call with all its retries, `verify_timeout` verifications: 2 s by default, or `timeout` if
        that is less. `retries` says how often a call is repeated at most, where that is safe. `on_unavailable` decides
        about a verification that Tollgate could not answer. `transport` replaces the network of httpx.

        Raises ValueError if `base_url` is no address.
        """
        self._options = ClientOptions[AsyncOnUnavailable](
            base_url=base_url,
            service_key=service_key,
            timeout=timeout,
            verify_timeout=verify_timeout,
            retries=retries,
            on_unavailable=on_unavailable,
            usage=usage,
        )
        self._transport = transport
        self._connect()
        self._recorder = AsyncRecorder(self._send_batch, usage)

    def _connect(self) -> None:
        self._http = httpx.AsyncClient(**self._options.http_options(), transport=self._transport)
        self._process = os.getpid()

    async def verify_key(
        self,
        *,
        timeout: float | None = None,
        on_unavailable: AsyncOnUnavailable | None = None,
        **given: Unpack[wire.VerifyKeyInput],
    ) -> Verdict:
        """Whether an API key may do something. A refusal is a verdict and not an error."""
        seconds = self._options.verify_seconds if timeout is None else timeout
        call = _calls.verify_key(given)
        try:
            return read_verdict(await self._perform(call, seconds))
        except TollgateError as error:
            if not is_unavailable(error):
                raise
            choice = self._options.on_unavailable if on_unavailable is None else on_unavailable
            chosen = choice(error, given) if callable(choice) else choice
            return unchecked_verdict(await chosen if inspect.isawaitable(chosen) else chosen, error)

    async def verify_token(
        self, *, timeout: float | None = None, **given: Unpack[wire.VerifyTokenInput]
    ) -> TokenVerdict:
        """Whose access token this is, and what they may do there. A refusal is a verdict and not an error."""
        seconds = self._options.verify_seconds if timeout is None else timeout
        return read_token_verdict(await self._perform(_calls.verify_token(given), seconds))

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

    async def send_usage(self, events: Iterable[UsageEvent], *, timeout: float | None = None) -> RecordedUsage:
        """Sends events now, and says what became of each."""
        call = _calls.send_usage(events, self._options.usage.durability)
        return read_answer(RecordedUsage, await self._perform(call, timeout))

    async def reserve(self, *, timeout: float | None = None, **given: Unpack[wire.ReserveInput]) -> Reservation:
        """Holds units for work whose cost is known afterwards. A refusal is data: `granted` is False."""
        return read_reservation(await self._perform(_calls.reserve(given), timeout))

    async def settle(self, *, timeout: float | None = None, **given: Unpack[wire.SettleInput]) -> Settlement:
        """Records what was really used, and releases the hold."""
        return read_answer(Settlement, await self._perform(_calls.settle(given), timeout))

    async def extend(
        self, reservation_id: str, *, expires_in_seconds: int, timeout: float | None = None
    ) -> ReservationExtension:
        """Lets a hold expire later: so many seconds from now, never earlier than it would."""
        return read_answer(ReservationExtension, await self._perform(_calls.extend(reservation_id, expires_in_seconds), timeout))

    @asynccontextmanager
    async def reservation(
        self,
        *,
        timeout: float | None = None,
        on_unavailable: Literal["allow", "deny"] = "deny",
        **given: Unpack[wire.ReserveInput],
    ) -> AsyncIterator[Hold]:
        """Holds units for the body, and settles what it said by `use`, also when it raises.

        If it said nothing, all is given back.
        The body runs even if the quota refused: look at `granted`. While Tollgate cannot hold units, `deny` raises and
        `allow` runs the body and records its use. What cannot be settled at the end waits in the queue of usage.
        """
        try:
            hold = Hold(await self.reserve(timeout=timeout, **given), given)
        except TollgateError as error:
            hold = hold_without(error, on_unavailable, given)
        try:
            yield hold
        finally:
            await asyncio.shield(self._settle(hold))  # a second cancellation must not end it

    async def _settle(self, hold: Hold) -> None:
        settlement, event = hold.settlement(), hold.unsettled()
        if settlement is not None:
            try:
                await self._perform(_calls.settle(settlement), None)
                return
            except TollgateError:
                pass  # the event counts instead
        if event is not None:
            self.record(event)

    async def usage_summary(
        self, *, timeout: float | None = None, **given: Unpack[wire.UsageSummaryInput]
    ) -> UsageSummary:
        """What a customer used in a span, beside the one before. The span's beginning is `from_`."""
        return read_answer(UsageSummary, await self._perform(_calls.usage_summary(given), timeout))

    async def get_quotas(self, *, timeout: float | None = None, **given: Unpack[wire.GetQuotasInput]) -> Quotas:
        """A customer's limits and use."""
        return read_answer(Quotas, await self._perform(_calls.get_quotas(given), timeout))

    async def call(
        self,
        operation: Operation,
        *,
        params: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Calls any operation of the API by its method and path, such as `GET /usage/breakdown`.

        Returns the JSON of the answer, text for CSV, and None where it has no body.
        """
        call = Call(operation=operation, params=params, query=query, body=body, idempotency_key=idempotency_key)
        return (await self._perform(call, timeout)).body

    async def aclose(self) -> None:
        """Sends what was recorded, says what was not taken (`on_lost`), and closes the connections."""
        await self._recorder.close(self._options.timeout)
        await self._http.aclose()

    async def __aenter__(self) -> AsyncTollgate:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send_batch(self, events: Iterable[Any], timeout: float | None) -> RecordedUsage:
        return await self.send_usage(events, timeout=timeout)

    async def _perform(self, call: Call, timeout: float | None) -> Reply:
        seconds = self._options.timeout if timeout is None else timeout
        ready = _calls.add_idempotency_key(call)
        return await await_within(seconds, self._attempt(ready, seconds), lambda: timed_out(seconds))

    async def _attempt(self, call: Call, seconds: float) -> Reply:
        """Sends a call, and sends it again where that is safe."""
        ends_at = time.monotonic() + seconds
        attempts = 0
        while True:
            try:
                return await self._send(call, ends_at - time.monotonic())
            except (httpx.HTTPError, httpx.InvalidURL, TollgateError) as error:
                failure = to_tollgate_error(error, seconds)
            wait = wait_seconds(failure, attempts)
            is_final = attempts >= self._options.retries or time.monotonic() + wait >= ends_at
            if is_final or not may_repeat(call, failure):
                raise failure
            await asyncio.sleep(wait)
            attempts += 1

    async def _send(self, call: Call, seconds: float) -> Reply:
        if self._process != os.getpid():
            self._connect()  # a fork must not share its parent's connections
        return read_reply(await self._http.request(**self._options.request_options(call, seconds)))
