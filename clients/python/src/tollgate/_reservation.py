"""Units that are held for work whose cost is known afterwards. Decides what is sent, and sends nothing itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ._answers import Reply, read_answer
from ._errors import TollgateError, may_allow
from ._generated import ReservationGranted, ReservationNotGranted, SettleInput, UsageEvent

if TYPE_CHECKING:
    from typing_extensions import Unpack

# A refusal is data: `granted` is False.
Reservation = ReservationGranted | ReservationNotGranted

_UNITS = frozenset({"api_calls", "queries", "concepts", "cost_usd", "storage_gb", "quantities"})
_OWNER = ("organization_id", "external_id")
_ABOUT_HOLD = frozenset({"slots", "expires_in_seconds", "idempotency_key"})


def read_reservation(reply: Reply) -> Reservation:
    granted = isinstance(reply.body, dict) and reply.body.get("granted") is True
    return read_answer(ReservationGranted, reply) if granted else read_answer(ReservationNotGranted, reply)


class Hold:
    """What `with tollgate.reservation(…)` gives. Look at `granted` first: a refusal raises nothing.

    `reservation` is None if Tollgate was unavailable and `on_unavailable` let the work run.
    """

    def __init__(self, reservation: Reservation | None, given: Mapping[str, Any]) -> None:
        self.reservation = reservation
        self._used = _describe_use(given)
        self._owner = {name: given[name] for name in _OWNER if given.get(name) is not None}

    @property
    def granted(self) -> bool:
        return self.reservation is None or self.reservation.granted

    def use(self, **used: Unpack[SettleInput]) -> None:
        """Says what was used until now. Amounts are totals: a later call replaces those of an earlier one."""
        self._used.update(used)

    def settlement(self) -> dict[str, Any] | None:
        """What is settled at the end. Without used units the hold is given back. None if nothing is held."""
        if not isinstance(self.reservation, ReservationGranted):
            return None
        used = self._used if self._has_units() else {"cancel": True}
        return {"reservation_id": self.reservation.reservation_id, **used}

    def unsettled(self) -> UsageEvent | None:
        """The use that a settlement could not record, as an event. Its id is the reservation's: it counts once."""
        if not self.granted or not self._has_units():
            return None
        known = self.reservation.reservation_id if isinstance(self.reservation, ReservationGranted) else None
        return cast(UsageEvent, {**self._used, **self._owner, "id": known or str(uuid.uuid4())})

    def _has_units(self) -> bool:
        return any(value is not None and _is_unit(name) for name, value in self._used.items())


def hold_without(error: TollgateError, choice: str, given: Mapping[str, Any]) -> Hold:
    """A hold of nothing while Tollgate is unavailable. Raises the error unless that was allowed."""
    if choice != "allow" or not may_allow(error):
        raise error
    return Hold(None, given)


def _is_unit(name: str) -> bool:
    return name.endswith("tokens") or name in _UNITS


def _describe_use(given: Mapping[str, Any]) -> dict[str, Any]:
    """What an event has of a reservation: all but its amounts, which are an estimate, and what is about the hold itself."""
    return {
        name: value
        for name, value in given.items()
        if value is not None and not _is_unit(name) and name not in _OWNER and name not in _ABOUT_HOLD
    }
