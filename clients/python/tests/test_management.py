"""What a seller does beside protecting an API: meters, prices, credits, purchases, corrections."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

import pytest
from support import AnyClient, Customer, World, failure

from tollgate import ConflictError, NotFoundError


def new_slug() -> str:
    return f"m_{uuid.uuid4().hex[:8]}"


def test_a_meter_is_defined_limited_reported_renamed_and_deleted_while_nothing_uses_it(
    tollgate: AnyClient, customer: Customer
) -> None:
    slug, unused = new_slug(), new_slug()
    meter = tollgate.define_meter(slug=slug, name="Images", unit="images", kind="counter")
    tollgate.define_meter(slug=unused, name="Pages", unit="pages", kind="counter")
    quotas = tollgate.set_quotas(external_id=customer.external_id, meters={slug: 10})
    tollgate.send_usage([{"key_id": customer.key_id, "quantities": {slug: 4}}])
    tollgate.update_meter(slug=slug, name="Pictures")
    tollgate.delete_meter(slug=unused)

    assert (meter.is_builtin, meter.scale, quotas.meters.custom[slug].limit) == (False, 0, 10)
    assert tollgate.get_quotas(external_id=customer.external_id).meters.custom[slug].used == 4
    assert (tollgate.get_meter(slug=slug).name, tollgate.get_meter(slug=slug).unit) == ("Pictures", "images")
    slugs = [one.slug for one in tollgate.list_meters().data]
    assert (slug in slugs, unused in slugs) == (True, False)
    again = failure(lambda: tollgate.define_meter(slug=slug, name="Images", unit="images", kind="counter"))
    assert isinstance(again, ConflictError)


def test_credits_are_granted_corrected_burnt_revoked_and_every_change_stands_in_the_ledger(
    tollgate: AnyClient, customer: Customer
) -> None:
    of = {"external_id": customer.external_id}
    grant = tollgate.grant_credits(amount="5", reason="Welcome", priority=3, source="refund", **of)
    tollgate.correct_credits(grant_id=grant.id, amount="-1", reason="Slip", **of)
    tollgate.send_usage([{"key_id": customer.key_id, "cost_usd": "1.50"}])
    tollgate.set_low_balance(low_balance="0.50", **of)

    credits = tollgate.get_credits(**of)
    assert (credits.balance, credits.uses_credits, credits.low_balance) == ("2.500000", True, "0.500000")
    assert [(one.id, one.priority, one.source) for one in credits.grants] == [(grant.id, 3, "refund")]

    tollgate.revoke_credits(grant_id=grant.id, reason="Left", **of)
    first = tollgate.list_credit_ledger(limit=3, **of)
    rest = tollgate.list_credit_ledger(cursor=first.next_cursor, **of)
    assert [(row.kind, row.amount) for row in [*first.data, *rest.data]] == [
        ("revoke", "-2.500000"),
        ("burn", "-1.500000"),
        ("correct", "-1.000000"),
        ("grant", "5.000000"),
    ]


def test_the_same_idempotency_key_grants_once(tollgate: AnyClient, customer: Customer) -> None:
    once = {"external_id": customer.external_id, "amount": "2", "reason": "Welcome", "idempotency_key": "grant-1"}
    assert tollgate.grant_credits(**once).id == tollgate.grant_credits(**once).id
    assert tollgate.get_credits(external_id=customer.external_id).balance == "2.000000"


def test_a_customer_is_named_once_in_a_path(tollgate: AnyClient, customer: Customer) -> None:
    made = tollgate.upsert_customer(external_id=f"a/b:ä {uuid.uuid4()}")
    assert tollgate.grant_credits(organization_id=made.id, amount="1", reason="By its id").amount == "1.000000"
    assert tollgate.grant_credits(external_id=made.external_id, amount="2", reason="By yours").amount == "2.000000"
    with pytest.raises(TypeError, match="once"):
        tollgate.grant_credits(organization_id=made.id, external_id=customer.external_id, amount="1", reason="Both")


def test_a_customer_is_led_to_pay_for_credits_and_for_a_plan_and_its_spend_is_capped(
    tollgate: AnyClient, world: World
) -> None:
    of = {"external_id": str(uuid.uuid4())}
    tollgate.upsert_customer(email="ada@example.com", **of)
    top_up = tollgate.top_up(amount="25", **of)
    assert (top_up.amount, urlsplit(top_up.url).scheme) == ("25.00", "http")
    checkout = tollgate.checkout(plan="builder", **of)
    assert (checkout.plan, "/checkout/" in checkout.url) == ("builder", True)

    tollgate.set_spend_cap(cost_usd="7.5", action="block", **of)
    cap = tollgate.get_spend_cap(**of)
    assert (cap.cost_usd, cap.action, cap.used) == ("7.500000", "block", "0.000000")
    assert tollgate.set_spend_cap(cost_usd=None, **of).cost_usd is None


def test_a_price_of_your_own_is_set_found_listed_and_deleted(tollgate: AnyClient, customer: Customer) -> None:
    model = f"model-{uuid.uuid4()}"
    price = tollgate.set_price(provider="*", model=model, kind="input", usd_per_million="2")
    assert [one.usd_per_million for one in tollgate.list_prices(model=model).data] == ["2.000000"]
    found = tollgate.find_prices(external_id=customer.external_id, model=model)
    assert [one.model for one in found.data] == [model]
    tollgate.delete_price(price_id=price.id)
    assert tollgate.list_prices(model=model).data == []
    assert isinstance(failure(lambda: tollgate.delete_price(price_id=price.id)), NotFoundError)


def test_open_holds_are_listed_by_key_read_and_prolonged(tollgate: AnyClient, customer: Customer) -> None:
    of = {"external_id": customer.external_id}
    other = tollgate.issue_key(name="Other", **of)
    mine = tollgate.reserve(key_id=customer.key_id, queries=5, expires_in_seconds=60)
    tollgate.reserve(key_id=other.id, queries=5)

    page = tollgate.list_reservations(key_id=customer.key_id, **of)
    extended = tollgate.extend(mine.reservation_id, expires_in_seconds=600)
    read = tollgate.get_reservation(reservation_id=mine.reservation_id, **of)
    tollgate.settle(reservation_id=mine.reservation_id, cancel=True)

    assert [one.id for one in page.data] == [mine.reservation_id]
    assert (read.key_id, read.held.queries, read.expires_at) == (customer.key_id, 5, extended.expires_at)
    assert extended.expires_at > mine.expires_at
    gone = failure(lambda: tollgate.get_reservation(reservation_id=mine.reservation_id, **of))
    assert isinstance(gone, NotFoundError)


def test_an_event_is_corrected_and_use_is_read_by_subject_model_and_day_until_the_subject_is_erased(
    tollgate: AnyClient, customer: Customer
) -> None:
    of = {"external_id": customer.external_id}
    tollgate.send_usage(
        [
            {"id": "e1", "key_id": customer.key_id, "subject": "user-1", "model": "gpt-5", "queries": 5},
            {"id": "e2", "key_id": customer.key_id, "subject": "user-2", "queries": 1},
        ]
    )
    corrected = tollgate.correct_usage(event_id="e1", queries=3, reason="Counted twice", **of)
    subjects = tollgate.usage_subjects(order="queries", **of)
    models = tollgate.usage_breakdown(by="model", **of)
    days = tollgate.usage_timeseries(interval="day", **of)
    assert tollgate.erase_subject(subject="user-1", **of) is None

    assert (corrected.outcome, corrected.event.queries) == ("corrected", 3)
    assert [(one.subject, one.queries) for one in subjects.data] == [("user-1", 3), ("user-2", 1)]
    assert [one.queries for one in models.data if one.value == "gpt-5"] == [3]
    assert sum(one.queries for one in days.data) == 4
    left = tollgate.usage_subjects(**of)
    assert ([one.subject for one in left.data], left.erased.queries) == (["user-2"], 3)


def test_a_key_is_read_and_says_what_its_limits_have_left(tollgate: AnyClient, customer: Customer) -> None:
    of = {"external_id": customer.external_id}
    limits = [{"name": "daily", "meter": "tokens", "limit": 100, "period": "day"}]
    issued = tollgate.issue_key(name="Limited", limits=limits, **of)
    tollgate.send_usage([{"key_id": issued.id, "output_tokens": 30}])
    assert tollgate.get_key(key_id=issued.id, **of).name == "Limited"
    assert tollgate.key_limits(key_id=issued.id, **of).limits["daily"].remaining == 70


def test_a_misspelled_keyword_is_refused_before_anything_is_sent(tollgate: AnyClient) -> None:
    with pytest.raises(TypeError, match="ammount"):
        tollgate.grant_credits(external_id="a", ammount="5", reason="Welcome")
