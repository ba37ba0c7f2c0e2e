"""What a back end and a back office do for customers: organizations, people, endpoints, plans, purchases."""

from __future__ import annotations

import hashlib
import uuid

import httpx
from support import AnyClient, Customer, World, becomes, failure

from tollgate import ConflictError, ForbiddenError, NotFoundError


def new_email() -> str:
    return f"ada-{uuid.uuid4()}@example.com"


def find_request(tollgate: AnyClient, request_id: str, **of: str) -> str | None:
    """A verification is written after it is answered."""
    try:
        return str(tollgate.inspect_request(request_id=request_id, **of).request_id)
    except NotFoundError:
        return None


def test_a_customer_is_made_changed_renamed_suspended_and_deleted(tollgate: AnyClient) -> None:
    external_id, renamed = f"a/b:ä {uuid.uuid4()}", str(uuid.uuid4())
    made = tollgate.create_customer(external_id=external_id, name="Ada")
    tollgate.update_customer(external_id=external_id, name="Ada & Co")
    tollgate.update_customer(organization_id=made.id, external_id=renamed)
    tollgate.set_plan(external_id=renamed, plan="builder")
    suspended = tollgate.set_suspension(external_id=renamed, suspended=True, reason="Unpaid")
    assert (suspended.id, suspended.name, suspended.plan) == (made.id, "Ada & Co", "builder")
    assert suspended.suspended_reason == "Unpaid"
    tollgate.set_suspension(external_id=renamed, suspended=False)
    assert [one.id for one in tollgate.read_all("list_customers", search=renamed)] == [made.id]
    assert tollgate.customer_sign_in(external_id=renamed).domains == []
    assert tollgate.delete_customer(organization_id=made.id) is None
    assert isinstance(failure(lambda: tollgate.get_customer(organization_id=made.id)), NotFoundError)


def test_people_are_invited_added_given_a_role_and_removed(tollgate: AnyClient, customer: Customer) -> None:
    of = {"external_id": customer.external_id}
    tollgate.create_role(name="reader", permissions=["usage:read"], **of)
    tollgate.update_role(name="reader", description="Reads along", **of)
    assert [one.description for one in tollgate.list_roles(**of).data if one.name == "reader"] == ["Reads along"]
    invited = tollgate.create_invitation(email=new_email(), role="reader", **of)
    tollgate.resend_invitation(invitation_id=invited.id, **of)
    tollgate.revoke_invitation(invitation_id=invited.id, **of)
    assert [one.status for one in tollgate.read_all("list_invitations", **of)] == ["revoked"]

    people = [tollgate.create_user(email=new_email(), send_invitation=False) for _ in range(2)]
    for person, role in zip(people, ("owner", "member")):
        added = tollgate.add_member(email=person.email, role=role, **of)
        assert (added.user_id, added.role) == (person.id, role)
    other = people[1].id
    tollgate.update_member(user_id=other, role="reader", **of)
    assert isinstance(failure(lambda: tollgate.delete_role(name="reader", **of)), ConflictError)
    tollgate.remove_member(user_id=other, **of)
    tollgate.delete_role(name="reader", **of)
    assert [one.user_id for one in tollgate.list_members(**of).data] == [people[0].id]

    assert tollgate.disable_user(user_id=other, reason="Left").is_active is False
    assert tollgate.enable_user(user_id=other).is_active is True
    assert tollgate.end_user_sessions(user_id=other) is None
    tollgate.delete_user(user_id=other)
    assert isinstance(failure(lambda: tollgate.get_user(user_id=other)), NotFoundError)


def test_endpoints_of_a_customer_and_of_the_operator_are_made_tested_and_deleted(
    tollgate: AnyClient, customer: Customer
) -> None:
    of = {"external_id": customer.external_id}
    made = tollgate.create_webhook(url="https://hooks.example.com/ours", events=["key.created"], **of)
    rotated = tollgate.rotate_webhook_secret(endpoint_id=made.id, **of)
    tollgate.update_webhook(endpoint_id=made.id, description="Ours", **of)
    sent = tollgate.send_test_webhook(endpoint_id=made.id, **of)
    again = tollgate.resend_webhook(endpoint_id=made.id, delivery_id=sent.id, **of)
    assert (rotated.secret != made.secret, again.event_id) == (True, sent.event_id)
    assert tollgate.get_webhook(endpoint_id=made.id, **of).description == "Ours"
    assert [one.type for one in tollgate.list_webhook_deliveries(endpoint_id=made.id, **of).data] == ["webhook.test"]
    assert [one.id for one in tollgate.list_deliveries(**of).data] == [sent.id]
    tollgate.delete_webhook(endpoint_id=made.id, **of)
    assert tollgate.list_webhooks(**of).data == []

    mine = tollgate.create_operator_webhook(url="https://hooks.example.com/all", events=["organization.created"])
    tollgate.update_operator_webhook(endpoint_id=mine.id, description="All")
    tollgate.send_operator_test_webhook(endpoint_id=mine.id)
    assert tollgate.rotate_operator_webhook_secret(endpoint_id=mine.id).secret != mine.secret
    assert tollgate.get_operator_webhook(endpoint_id=mine.id).description == "All"
    types = [one.type for one in tollgate.list_operator_webhook_deliveries(endpoint_id=mine.id).data]
    assert "webhook.test" in types
    tollgate.delete_operator_webhook(endpoint_id=mine.id)
    assert mine.id not in [one.id for one in tollgate.read_all("list_operator_webhooks")]


def test_a_plan_is_made_changed_and_deleted_while_nobody_is_on_it(tollgate: AnyClient) -> None:
    plan_id = f"p-{uuid.uuid4().hex[:8]}"
    limits = {"rate_limit_per_minute": 60, "max_api_keys": 3, "meters": {"queries": {"limit": 500, "at_limit": "block"}}}
    prices = [{"interval": "month", "currency": "usd", "amount_cents": 500}]
    tollgate.create_plan(id=plan_id, name="Club", prices=prices, limits=limits)
    changed = tollgate.update_plan(plan_id=plan_id, name="The club", limits={"rate_limit_per_minute": 7})
    assert (changed.name, changed.limits.rate_limit_per_minute) == ("The club", 7)
    assert plan_id in [one.id for one in tollgate.list_plans().data]
    assert plan_id in [one.id for one in tollgate.list_plan_versions(plan_id=plan_id).data]
    assert tollgate.move_plan(plan_id=plan_id, when="now").moved == 0
    assert "builder" in [one.id for one in tollgate.list_offered_plans().data]
    tollgate.delete_plan(plan_id=plan_id)
    assert isinstance(failure(lambda: tollgate.get_plan(plan_id=plan_id)), NotFoundError)


def test_a_customer_buys_previews_and_makes_a_change_cancels_and_resumes(tollgate: AnyClient, world: World) -> None:
    of = {"external_id": str(uuid.uuid4())}
    made = tollgate.upsert_customer(email="ada@example.com", **of)
    checkout = tollgate.checkout(plan="builder", provider="stripe", **of)
    httpx.post(checkout.url, timeout=60)
    assert becomes(lambda: tollgate.billing_info(**of).plan.id, "builder")

    assert tollgate.preview_change(plan="pro", **of).when == "now"
    assert tollgate.change_subscription(plan="pro", **of).plan == "pro"
    assert tollgate.cancel_subscription(**of).cancel_at_period_end is True
    assert tollgate.resume_subscription(**of).cancel_at_period_end is False
    assert tollgate.billing_portal(**of).provider == "stripe"
    assert [one.organization_id for one in tollgate.list_subscriptions(**of).data] == [made.id]
    events = tollgate.read_all("list_billing_events", limit=1, **of)
    assert "customer.subscription.created" in [one.type for one in events]
    assert tollgate.replay_billing_event(event_id=events[0].id).type == events[0].type
    assert tollgate.list_overage(**of).data == []
    assert isinstance(tollgate.billing_overage(**of).data, list)
    assert tollgate.billing_drift() is not None


def test_use_is_read_by_event_key_and_month_as_csv_and_ahead_and_of_all_customers(
    tollgate: AnyClient, customer: Customer
) -> None:
    of = {"external_id": customer.external_id}
    tollgate.send_usage([{"id": "e1", "key_id": customer.key_id, "endpoint": "/v1/answers", "queries": 3}])
    assert [one.queries for one in tollgate.read_all("list_usage_events", **of)] == [3]
    assert [one.key_id for one in tollgate.usage_of_keys(key_ids=customer.key_id, **of).data] == [customer.key_id]
    assert tollgate.usage_of_month(**of).totals.queries == 3
    assert "/v1/answers" in tollgate.export_usage(what="events", **of)
    assert tollgate.usage_forecast(**of).meters.queries.used == 3
    assert tollgate.all_usage_summary(**of).totals.queries == 3
    assert sum(one.queries for one in tollgate.all_usage_timeseries(interval="day", **of).data) == 3
    assert tollgate.all_usage_breakdown(by="organization").data != []
    assert tollgate.overview().customers is not None
    assert tollgate.system().jobs != []


def test_a_key_is_found_a_link_made_thresholds_set_and_the_audit_log_read(
    tollgate: AnyClient, customer: Customer
) -> None:
    of = {"external_id": customer.external_id}
    assert tollgate.look_up_key(key=customer.key).id == customer.key_id
    assert customer.key_id in [one.id for one in tollgate.read_all("find_keys", **of)]
    request_id = tollgate.verify_key(key=customer.key).request_id
    assert becomes(lambda: find_request(tollgate, request_id, **of), request_id)
    assert "/portal" in tollgate.create_portal_link(scopes=["keys:read"], **of).url
    assert tollgate.set_alert_thresholds(thresholds=[50, 90], **of).thresholds == [50, 90]
    tollgate.set_alert_thresholds(amounts=[{"meter": "queries", "amount": 7}], **of)
    assert tollgate.get_alert_thresholds(**of).is_default is False
    assert [one.amount for one in tollgate.get_alert_thresholds(**of).amounts] == [7]
    assert tollgate.list_alerts(**of).data == []
    assert "portal.session_created" in [one.action for one in tollgate.list_audit_logs(**of).data]
    assert "portal.session_created" in [one.action for one in tollgate.list_all_audit_logs(**of).data]
    email = new_email()
    tollgate.create_invitation(email=email, role="member", **of)
    assert len(tollgate.list_mails(to=email).data) == 1


def test_keys_of_another_system_are_imported_where_the_deployment_takes_them(
    tollgate: AnyClient, customer: Customer
) -> None:
    digest = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
    refused = failure(
        lambda: tollgate.import_keys(external_id=customer.external_id, keys=[{"name": "Old", "hash": digest}])
    )
    assert isinstance(refused, ForbiddenError)


def test_a_hold_is_canceled_and_takes_nothing(tollgate: AnyClient, customer: Customer) -> None:
    held = tollgate.reserve(key_id=customer.key_id, queries=5)
    canceled = tollgate.cancel(held.reservation_id)
    assert (canceled.outcome, canceled.released) == ("canceled", True)
    assert tollgate.get_quotas(external_id=customer.external_id).meters.queries.used == 0
