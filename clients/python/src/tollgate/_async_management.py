"""As _management.py, with coroutines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._answers import Reply, read_answer
from ._calls import Call
from ._generated import (
    ApiKey,
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
    Quotas,
    SpendCap,
    TopUp,
    UsageBreakdown,
    UsageCorrection,
    UsageOfSubjects,
    UsageTimeseries,
)
from ._management_calls import build

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from . import _generated as wire


class AsyncManagement:
    """The part of the client that is not about single requests."""

    async def _perform(self, call: Call, timeout: float | None) -> Reply:
        raise NotImplementedError  # the client's own

    async def get_key(self, *, timeout: float | None = None, **given: Unpack[wire.GetKeyInput]) -> ApiKey:
        """A key of a customer, without its secret."""
        return read_answer(ApiKey, await self._perform(build("get_key", given), timeout))

    async def key_limits(self, *, timeout: float | None = None, **given: Unpack[wire.GetKeyInput]) -> KeyLimits:
        """What each limit of a key has left."""
        return read_answer(KeyLimits, await self._perform(build("key_limits", given), timeout))

    async def set_quotas(self, *, timeout: float | None = None, **given: Unpack[wire.SetQuotasInput]) -> Quotas:
        """Sets limits of one customer, which win over its plan's; None for no limit."""
        return read_answer(Quotas, await self._perform(build("set_quotas", given), timeout))

    async def list_reservations(
        self, *, timeout: float | None = None, **given: Unpack[wire.ListReservationsInput]
    ) -> OpenReservationPage:
        """One page of a customer's open holds, newest first."""
        return read_answer(OpenReservationPage, await self._perform(build("list_reservations", given), timeout))

    async def get_reservation(
        self, *, timeout: float | None = None, **given: Unpack[wire.GetReservationInput]
    ) -> OpenReservation:
        """An open hold. One that was settled, or that expired, is not found."""
        return read_answer(OpenReservation, await self._perform(build("get_reservation", given), timeout))

    async def correct_usage(
        self, *, timeout: float | None = None, **given: Unpack[wire.CorrectUsageInput]
    ) -> UsageCorrection:
        """Voids or replaces a recorded event. Statistics, quotas and credits follow."""
        return read_answer(UsageCorrection, await self._perform(build("correct_usage", given), timeout))

    async def usage_subjects(
        self, *, timeout: float | None = None, **given: Unpack[wire.UsageSubjectsInput]
    ) -> UsageOfSubjects:
        """Use by your customer's users: the largest, and the rest summed."""
        return read_answer(UsageOfSubjects, await self._perform(build("usage_subjects", given), timeout))

    async def erase_subject(self, *, timeout: float | None = None, **given: Unpack[wire.EraseSubjectInput]) -> None:
        """Removes a user of your customer from all usage; the numbers stay."""
        await self._perform(build("erase_subject", given), timeout)

    async def usage_breakdown(
        self, *, timeout: float | None = None, **given: Unpack[wire.UsageBreakdownInput]
    ) -> UsageBreakdown:
        """Use by endpoint, key, model and more."""
        return read_answer(UsageBreakdown, await self._perform(build("usage_breakdown", given), timeout))

    async def usage_timeseries(
        self, *, timeout: float | None = None, **given: Unpack[wire.UsageTimeseriesInput]
    ) -> UsageTimeseries:
        """Use by hour, day or month."""
        return read_answer(UsageTimeseries, await self._perform(build("usage_timeseries", given), timeout))

    async def get_credits(self, *, timeout: float | None = None, **given: Unpack[wire.GetCreditsInput]) -> Credits:
        """The balance of a customer, and the grants that it consists of."""
        return read_answer(Credits, await self._perform(build("get_credits", given), timeout))

    async def list_credit_ledger(
        self, *, timeout: float | None = None, **given: Unpack[wire.ListCreditLedgerInput]
    ) -> CreditLedgerPage:
        """One page of the changes of the balance, newest first."""
        return read_answer(CreditLedgerPage, await self._perform(build("list_credit_ledger", given), timeout))

    async def grant_credits(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.GrantCreditsInput]
    ) -> CreditGrant:
        """Gives credits. A repeat with the same `idempotency_key` gives them once."""
        return read_answer(CreditGrant, await self._perform(build("grant_credits", given, idempotency_key), timeout))

    async def revoke_credits(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.RevokeCreditsInput]
    ) -> CreditGrant:
        """Takes back what is left of a grant."""
        return read_answer(CreditGrant, await self._perform(build("revoke_credits", given, idempotency_key), timeout))

    async def correct_credits(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.CorrectCreditsInput]
    ) -> CreditGrant:
        """Adds to a grant, or takes from it with an `amount` below 0."""
        return read_answer(CreditGrant, await self._perform(build("correct_credits", given, idempotency_key), timeout))

    async def set_low_balance(
        self, *, timeout: float | None = None, **given: Unpack[wire.SetLowBalanceInput]
    ) -> Credits:
        """Sets the balance at which endpoints get `credits.low`."""
        return read_answer(Credits, await self._perform(build("set_low_balance", given), timeout))

    async def checkout(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.CheckoutInput]
    ) -> Checkout:
        """Opens the payment provider's page for a plan. Redirect the customer to `url`."""
        return read_answer(Checkout, await self._perform(build("checkout", given, idempotency_key), timeout))

    async def top_up(
        self, *, timeout: float | None = None, idempotency_key: str | None = None, **given: Unpack[wire.TopUpInput]
    ) -> TopUp:
        """Opens the payment provider's page for prepaid credits. Redirect the customer to `url`."""
        return read_answer(TopUp, await self._perform(build("top_up", given, idempotency_key), timeout))

    async def get_spend_cap(self, *, timeout: float | None = None, **given: Unpack[wire.GetSpendCapInput]) -> SpendCap:
        """What a period of a customer may cost, and what it cost until now."""
        return read_answer(SpendCap, await self._perform(build("get_spend_cap", given), timeout))

    async def set_spend_cap(self, *, timeout: float | None = None, **given: Unpack[wire.SetSpendCapInput]) -> SpendCap:
        """Caps what a period may cost; a `cost_usd` of None takes the cap away."""
        return read_answer(SpendCap, await self._perform(build("set_spend_cap", given), timeout))

    async def find_prices(self, *, timeout: float | None = None, **given: Unpack[wire.FindPricesInput]) -> ModelPrices:
        """What models cost a customer: your own prices, and the built-in ones."""
        return read_answer(ModelPrices, await self._perform(build("find_prices", given), timeout))

    async def list_prices(
        self, *, timeout: float | None = None, **given: Unpack[wire.ListPricesInput]
    ) -> OwnModelPriceList:
        """Your own prices of models."""
        return read_answer(OwnModelPriceList, await self._perform(build("list_prices", given), timeout))

    async def set_price(self, *, timeout: float | None = None, **given: Unpack[wire.SetPriceInput]) -> OwnModelPrice:
        """Sets a price of your own. Prices set before apply until its `valid_from`."""
        return read_answer(OwnModelPrice, await self._perform(build("set_price", given), timeout))

    async def delete_price(self, *, timeout: float | None = None, **given: Unpack[wire.DeletePriceInput]) -> None:
        """Deletes a price of your own. Recorded events keep their cost."""
        await self._perform(build("delete_price", given), timeout)

    async def list_meters(self, *, timeout: float | None = None) -> MeterList:
        """All meters, the built-in ones among them."""
        return read_answer(MeterList, await self._perform(Call(operation="GET /admin/meters"), timeout))

    async def get_meter(self, *, timeout: float | None = None, **given: Unpack[wire.GetMeterInput]) -> Meter:
        """A meter by its slug."""
        return read_answer(Meter, await self._perform(build("get_meter", given), timeout))

    async def define_meter(self, *, timeout: float | None = None, **given: Unpack[wire.DefineMeterInput]) -> Meter:
        """Defines a meter of your own. Its slug, kind and scale never change."""
        return read_answer(Meter, await self._perform(build("define_meter", given), timeout))

    async def update_meter(self, *, timeout: float | None = None, **given: Unpack[wire.UpdateMeterInput]) -> Meter:
        """Changes the name or the unit of a meter."""
        return read_answer(Meter, await self._perform(build("update_meter", given), timeout))

    async def delete_meter(self, *, timeout: float | None = None, **given: Unpack[wire.DeleteMeterInput]) -> None:
        """Deletes a meter that no plan or organization limits, and of which nothing was recorded."""
        await self._perform(build("delete_meter", given), timeout)
