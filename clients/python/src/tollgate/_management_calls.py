"""What a seller's calls send: one table for the synchronous and the asynchronous client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import _generated as wire
from ._calls import Call, check_keywords

_CALLS: Mapping[str, tuple[str, type]] = {
    "get_key": ("GET /auth/api-keys/{id}", wire.GetKeyInput),
    "key_limits": ("GET /auth/api-keys/{id}/limits", wire.GetKeyInput),
    "set_quotas": ("PUT /admin/organizations/{organization_id}/quotas", wire.SetQuotasInput),
    "list_reservations": ("GET /usage/reservations", wire.ListReservationsInput),
    "get_reservation": ("GET /usage/reservations/{id}", wire.GetReservationInput),
    "correct_usage": ("POST /usage/corrections", wire.CorrectUsageInput),
    "usage_subjects": ("GET /usage/subjects", wire.UsageSubjectsInput),
    "erase_subject": ("POST /usage/subjects/erase", wire.EraseSubjectInput),
    "usage_breakdown": ("GET /usage/breakdown", wire.UsageBreakdownInput),
    "usage_timeseries": ("GET /usage/timeseries", wire.UsageTimeseriesInput),
    "get_credits": ("GET /credits", wire.GetCreditsInput),
    "list_credit_ledger": ("GET /credits/ledger", wire.ListCreditLedgerInput),
    "grant_credits": ("POST /admin/organizations/{organization_id}/credits", wire.GrantCreditsInput),
    "revoke_credits": ("POST /admin/organizations/{organization_id}/credits/{grant_id}/revoke", wire.RevokeCreditsInput),
    "correct_credits": ("POST /admin/organizations/{organization_id}/credits/{grant_id}/correct", wire.CorrectCreditsInput),
    "set_low_balance": ("PUT /credits/low-balance", wire.SetLowBalanceInput),
    "checkout": ("POST /billing/checkout", wire.CheckoutInput),
    "top_up": ("POST /billing/top-up", wire.TopUpInput),
    "get_spend_cap": ("GET /billing/spend-cap", wire.GetSpendCapInput),
    "set_spend_cap": ("PUT /billing/spend-cap", wire.SetSpendCapInput),
    "find_prices": ("GET /usage/prices", wire.FindPricesInput),
    "list_prices": ("GET /admin/prices", wire.ListPricesInput),
    "set_price": ("POST /admin/prices", wire.SetPriceInput),
    "delete_price": ("DELETE /admin/prices/{id}", wire.DeletePriceInput),
    "get_meter": ("GET /admin/meters/{slug}", wire.GetMeterInput),
    "define_meter": ("POST /admin/meters", wire.DefineMeterInput),
    "update_meter": ("PATCH /admin/meters/{slug}", wire.UpdateMeterInput),
    "delete_meter": ("DELETE /admin/meters/{slug}", wire.DeleteMeterInput),
}

# What a keyword calls the `id` of a path.
_ID_NAMES = {"api-keys": "key_id", "reservations": "reservation_id", "prices": "price_id"}


def build(name: str, given: Mapping[str, Any], idempotency_key: str | None = None) -> Call:
    """Puts each keyword into its place: path, query or body."""
    operation, known = _CALLS[name]
    rest = check_keywords(given, known)
    params = {parameter: _take(parameter, operation, rest) for parameter in re.findall(r"\{(\w+)\}", operation)}
    if operation.startswith(("GET ", "DELETE ")):
        return Call(operation=operation, params=params, query=rest)
    return Call(operation=operation, params=params, body=rest, idempotency_key=idempotency_key)


def _take(parameter: str, operation: str, rest: dict[str, Any]) -> str:
    if parameter == "organization_id":
        return _take_organization(rest)
    keyword = next((name for part, name in _ID_NAMES.items() if part in operation), parameter)
    return str(rest.pop(keyword if parameter == "id" else parameter, ""))


def _take_organization(rest: dict[str, Any]) -> str:
    """In a path your own id stands for the organization's, with its kind in front."""
    organization_id, external_id = rest.pop("organization_id", None), rest.pop("external_id", None)
    if organization_id is not None and external_id is not None:
        raise TypeError("Name the organization once: by organization_id or by external_id.")
    return f"external_id:{external_id or ''}" if organization_id is None else str(organization_id)
