"""What both clients do against a running Tollgate."""

from __future__ import annotations

import inspect
import uuid
from datetime import datetime, timezone

import pytest
from support import AnyClient, Customer, World, connect, failure

from tollgate import (
    AsyncTollgate,
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    Tollgate,
    UnauthenticatedError,
)


def test_a_valid_key_gives_its_facts_its_limits_and_headers_to_pass_on(tollgate: AnyClient, customer: Customer) -> None:
    verdict = tollgate.verify_key(key=customer.key, cost=2, endpoint="/v1/orders", method="GET")
    assert (verdict.valid, verdict.code, verdict.status, verdict.error) == (True, "VALID", 200, None)
    assert (verdict.key_id, verdict.external_id, verdict.plan) == (customer.key_id, customer.external_id, "builder")
    assert verdict.ratelimit.remaining == verdict.ratelimit.limit - 2
    assert verdict.quotas.api_calls.used == 2
    assert verdict.headers["RateLimit"].startswith('"key";r=')


def test_a_refusal_is_a_verdict_and_no_error(tollgate: AnyClient, customer: Customer) -> None:
    unknown = tollgate.verify_key(key="ck_live_unknown")
    assert (unknown.valid, unknown.code, unknown.status, unknown.key_id) == (False, "NOT_FOUND", 401, None)
    assert unknown.headers["WWW-Authenticate"] == "Bearer"
    lacking = tollgate.verify_key(key=customer.key, scopes=["orders:read"])
    assert (lacking.code, lacking.status, lacking.key_id) == ("INSUFFICIENT_SCOPE", 403, customer.key_id)


def test_a_key_over_its_limit_says_when_to_retry(tollgate: AnyClient, customer: Customer) -> None:
    tollgate.update_key(key_id=customer.key_id, external_id=customer.external_id, custom_rate_limit=1)
    verdicts = [tollgate.verify_key(key=customer.key) for _ in range(2)]
    assert [verdict.code for verdict in verdicts] == ["VALID", "RATE_LIMITED"]
    assert verdicts[1].headers["Retry-After"] == str(verdicts[1].retry_after)


def test_a_key_is_issued_listed_changed_rotated_and_revoked(tollgate: AnyClient, customer: Customer) -> None:
    of = {"external_id": customer.external_id}
    issued = tollgate.issue_key(name="Second", scopes=["orders:read"], metadata={"team": "web"}, **of)
    assert tollgate.verify_key(key=issued.key).metadata == {"team": "web"}

    page = tollgate.list_keys(limit=1, **of)
    assert [key.id for key in page.data] == [issued.id]
    rest = tollgate.list_keys(cursor=page.next_cursor, **of)
    assert [key.id for key in rest.data] == [customer.key_id]

    changed = tollgate.update_key(key_id=issued.id, description="For the shop", **of)
    assert (changed.description, changed.scopes) == ("For the shop", ["orders:read"])
    assert tollgate.update_key(key_id=issued.id, description=None, **of).description is None

    rotated = tollgate.rotate_key(key_id=issued.id, **of)
    assert (rotated.rotated_from, rotated.key != issued.key) == (issued.id, True)
    assert tollgate.revoke_key(key_id=rotated.id, **of) is None
    assert tollgate.revoke_key(key_id=rotated.id, **of) is None
    assert tollgate.verify_key(key=rotated.key).code == "REVOKED"


def test_the_same_idempotency_key_issues_one_key(tollgate: AnyClient, customer: Customer) -> None:
    once = {"external_id": customer.external_id, "name": "Once", "idempotency_key": str(uuid.uuid4())}
    assert tollgate.issue_key(**once).key == tollgate.issue_key(**once).key


@pytest.mark.parametrize("form", ["{}", "a/b {}", "ä?#%{}"])
def test_a_customer_is_found_again_by_an_id_of_any_characters(tollgate: AnyClient, form: str) -> None:
    external_id = form.format(uuid.uuid4())
    made = tollgate.upsert_customer(external_id=external_id, name="Ada", limits={"tokens": 7})
    found = tollgate.upsert_customer(external_id=external_id, name="Lovelace")
    assert (found.id, found.external_id, found.name) == (made.id, external_id, "Lovelace")
    assert made.limit_overrides.tokens == 7


def test_usage_counts_once_and_what_was_not_taken_is_said_by_event(tollgate: AnyClient, customer: Customer) -> None:
    now = datetime.now(timezone.utc).isoformat()
    event = {"id": "a1", "key_id": customer.key_id, "timestamp": now, "output_tokens": 312}
    first = tollgate.send_usage([event, {"key_id": str(uuid.uuid4()), "queries": 1}])
    assert (first.accepted, [(one.index, one.code) for one in first.rejected]) == (1, [(1, "key_not_found")])
    assert tollgate.send_usage([event]).duplicates == 1
    assert tollgate.send_usage([{**event, "output_tokens": 1}]).conflicts[0].id == "a1"
    summary = tollgate.usage_summary(external_id=customer.external_id)
    assert (summary.totals.tokens, summary.previous.totals.requests) == (312, 0)
    assert summary.from_ < summary.to
    assert tollgate.get_quotas(external_id=customer.external_id).meters.tokens.used == 312


def test_recorded_usage_is_counted_after_a_flush(tollgate: AnyClient, customer: Customer) -> None:
    tollgate.record(key_id=customer.key_id, queries=2)
    tollgate.record({"key_id": customer.key_id, "queries": 3}, {"key_id": customer.key_id, "queries": 4})
    tollgate.flush()
    assert tollgate.usage_summary(external_id=customer.external_id).totals.queries == 9


def test_a_reservation_is_settled_by_hand(tollgate: AnyClient, customer: Customer) -> None:
    reserved = tollgate.reserve(key_id=customer.key_id, tokens=5)
    assert (reserved.granted, reserved.held.tokens) == (True, 5)
    settled = tollgate.settle(reservation_id=reserved.reservation_id, key_id=customer.key_id, tokens=2)
    assert (settled.outcome, settled.released) == ("settled", True)
    assert tollgate.get_quotas(external_id=customer.external_id).meters.tokens.used == 2


def test_amounts_of_the_operators_own_meters_are_verified_held_settled_and_reported(
    tollgate: AnyClient, customer: Customer
) -> None:
    meter = {"slug": "images", "name": "Images", "unit": "images", "kind": "counter"}
    try:
        tollgate.call("POST /admin/meters", body=meter)
    except ConflictError:
        pass  # the other client defined it
    reserved = tollgate.reserve(key_id=customer.key_id, quantities={"images": 4})
    assert (reserved.granted, reserved.held.custom) == (True, {"images": 4})
    tollgate.settle(reservation_id=reserved.reservation_id, quantities={"images": 3})
    tollgate.send_usage([{"key_id": customer.key_id, "quantities": {"images": 2}}])
    verdict = tollgate.verify_key(key=customer.key, quantities={"images": 1})
    assert verdict.quotas.custom["images"].used == 6
    assert tollgate.get_quotas(external_id=customer.external_id).meters.custom["images"].used == 6


def test_a_reservation_that_exceeds_the_quota_is_data(tollgate: AnyClient, customer: Customer) -> None:
    refused = tollgate.reserve(key_id=customer.key_id, tokens=1_000_000_000)
    assert (refused.granted, refused.code, refused.exceeded.meter) == (False, "QUOTA_EXCEEDED", "tokens")
    assert tollgate.within_reservation(lambda hold: hold.granted, key_id=customer.key_id, tokens=1_000_000_000) is False


def test_a_block_settles_what_it_used_and_cancels_what_it_did_not(tollgate: AnyClient, customer: Customer) -> None:
    def read() -> tuple[float, float]:
        tokens = tollgate.get_quotas(external_id=customer.external_id).meters.tokens
        return tokens.used, tokens.held

    given = {"key_id": customer.key_id, "model": "gpt-5", "input_tokens": 90, "output_tokens": 400}
    tollgate.within_reservation(lambda hold: hold.use(input_tokens=90, output_tokens=31), **given)
    assert read() == (121, 0)
    tollgate.within_reservation(lambda hold: None, **given)
    assert read() == (121, 0)

    def fail_halfway(hold: object) -> None:
        hold.use(output_tokens=9)  # type: ignore[attr-defined]
        raise KeyError("The model failed.")

    with pytest.raises(KeyError):
        tollgate.within_reservation(fail_halfway, **given)
    assert read() == (130, 0)


def test_a_token_tells_whose_it_is_and_a_wrong_one_is_a_verdict(tollgate: AnyClient, world: World) -> None:
    wrong = tollgate.verify_token(token="nobody's")
    assert (wrong.valid, wrong.code) == (False, "UNAUTHENTICATED")
    password = "correct horse battery staple"
    email = f"{uuid.uuid4()}@example.com"
    body = {"email": email, "password": password, "confirm_password": password}
    registered = tollgate.call("POST /auth/register", body=body)
    token = tollgate.call("POST /auth/login", body={"email": email, "password": password})["access_token"]
    right = tollgate.verify_token(token=token, permission="keys:read")
    assert (right.valid, right.user_id, right.role) == (True, registered["id"], "owner")


def test_any_operation_can_be_called_and_csv_is_text(tollgate: AnyClient, customer: Customer) -> None:
    tollgate.send_usage([{"key_id": customer.key_id, "endpoint": "/v1/answers", "queries": 1}])
    query = {"by": "endpoint", "external_id": customer.external_id}
    breakdown = tollgate.call("GET /usage/breakdown", query=query)
    assert [item["value"] for item in breakdown["data"]] == ["/v1/answers"]
    export = tollgate.call("GET /usage/export", query={"external_id": customer.external_id})
    assert "/v1/answers" in export


def test_a_failed_call_raises_the_class_of_its_status_with_the_code(
    tollgate: AnyClient, world: World, kind: str, customer: Customer
) -> None:
    missing = failure(lambda: tollgate.get_quotas(external_id="nobody"))
    assert isinstance(missing, NotFoundError)
    assert (missing.code, missing.status, bool(missing.request_id)) == ("organization_not_found", 404, True)

    invalid = failure(lambda: tollgate.issue_key(external_id=customer.external_id, name=""))
    assert isinstance(invalid, InvalidRequestError)
    assert [error.path for error in invalid.errors] == ["body.name"]

    tollgate.rotate_key(external_id=customer.external_id, key_id=customer.key_id)
    again = failure(lambda: tollgate.rotate_key(external_id=customer.external_id, key_id=customer.key_id))
    assert isinstance(again, ConflictError)

    stranger = connect(kind, base_url=world.base_url, service_key="svc_live_wrong", on_unavailable="allow", timeout=60)
    wrong = failure(lambda: stranger.verify_key(key=customer.key, timeout=60))
    assert isinstance(wrong, UnauthenticatedError)
    stranger.close()


def test_a_service_key_without_the_scope_is_forbidden(world: World, kind: str, customer: Customer) -> None:
    verifier = connect(kind, base_url=world.base_url, service_key=world.narrow_key, timeout=60)
    assert isinstance(failure(lambda: verifier.get_quotas(external_id=customer.external_id)), ForbiddenError)
    verifier.close()


def test_a_misspelled_keyword_is_refused_before_anything_is_sent(tollgate: AnyClient) -> None:
    for method in (tollgate.verify_key, tollgate.issue_key, tollgate.reserve, tollgate.record, tollgate.get_quotas):
        with pytest.raises(TypeError, match="scope_"):
            method(scope_="orders:read")


@pytest.mark.parametrize("base_url", ["tollgate.example.com", "ftp://tollgate.example.com", ""])
def test_an_address_that_is_none_is_refused_at_once(kind: str, base_url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        connect(kind, base_url=base_url, service_key="svc")


def test_both_clients_have_the_same_methods_with_the_same_keywords() -> None:
    def list_methods(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {name: list(inspect.signature(method).parameters) for name, method in methods if name[0] != "_"}

    blocking, awaited = list_methods(Tollgate), list_methods(AsyncTollgate)
    assert blocking.pop("close") == awaited.pop("aclose")
    assert len(blocking) > 15
    assert blocking == awaited


def test_the_service_key_is_in_no_text_about_the_client(tollgate: AnyClient, world: World) -> None:
    assert world.service_key not in repr(vars(tollgate.client))
