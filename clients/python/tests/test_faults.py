"""What both clients do when Tollgate is away, slow or broken. The servers here answer as they are told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from support import (
    QUOTAS,
    RECORDED,
    VALID,
    AnyClient,
    Listener,
    Server,
    answer_json,
    connect,
    cut,
    dripping,
    failure,
    free_port,
    problem,
    silent,
    stalled,
    text,
)

from tollgate import (
    AsyncTollgate,
    ForbiddenError,
    InvalidRequestError,
    LostEvent,
    NotFoundError,
    RateLimitedError,
    TollgateError,
    UnavailableError,
    UsageOptions,
)

Serve = Callable[..., Server]


@pytest.mark.parametrize("listener", [silent, stalled, dripping])
def test_no_call_outlasts_its_timeout_and_a_verification_is_denied_or_allowed(
    serve: Serve, kind: str, listener: Listener
) -> None:
    tollgate = serve(listener).connect(kind, timeout=0.3, verify_timeout=0.2)
    began = time.monotonic()
    error = failure(lambda: tollgate.get_quotas())
    assert time.monotonic() - began < 10
    assert isinstance(error, UnavailableError)
    assert (error.code, error.status) == ("timeout", 0)

    denied = tollgate.verify_key(key="k")
    assert (denied.valid, denied.code, denied.status, denied.headers) == (
        False,
        "UNAVAILABLE",
        503,
        {"Retry-After": "2"},
    )
    allowed = tollgate.verify_key(key="k", on_unavailable="allow")
    assert (allowed.valid, allowed.code, allowed.status, allowed.key_id) == (True, "UNAVAILABLE", 200, None)
    assert failure(lambda: tollgate.get_quotas(timeout=0.1)).code == "timeout"


def test_a_server_that_is_away_is_a_network_error_after_its_repeats(kind: str) -> None:
    tollgate = connect(kind, base_url=f"http://127.0.0.1:{free_port()}", service_key="svc", retries=1)
    error = failure(lambda: tollgate.update_key(key_id="k", name="x"))
    assert isinstance(error, UnavailableError)
    assert error.code == "network_error"


def test_a_function_decides_about_an_outage_by_the_error_and_the_input(kind: str) -> None:
    seen: list[str] = []

    def decide(error: TollgateError, given: Any) -> str:
        seen.append(error.code)
        return "allow" if given["endpoint"] == "/health" else "deny"

    away = f"http://127.0.0.1:{free_port()}"
    tollgate = connect(kind, base_url=away, service_key="svc", retries=0, on_unavailable=decide)
    assert tollgate.verify_key(key="k", endpoint="/health").valid is True
    assert tollgate.verify_key(key="k", endpoint="/orders").valid is False
    assert seen == ["network_error", "network_error"]


def test_the_asynchronous_client_takes_a_coroutine_as_decision(serve: Serve) -> None:
    async def allow(error: TollgateError, given: Any) -> str:
        return "allow"

    tollgate = serve(problem(500, "internal")).connect("async", on_unavailable=allow)
    assert tollgate.verify_key(key="k").valid is True


def test_a_wrong_service_key_or_request_never_opens_the_api(serve: Serve, kind: str) -> None:
    server = serve(problem(401, "unauthenticated"), problem(400, "invalid_request"), problem(403, "forbidden"))
    tollgate = server.connect(kind, on_unavailable="allow")
    errors = [failure(lambda: tollgate.verify_key(key="k")) for _ in range(3)]
    assert [error.code for error in errors] == ["unauthenticated", "invalid_request", "forbidden"]
    assert errors[0].request_id == "r1"


def test_a_429_is_repeated_after_retry_after_and_not_at_all_when_that_is_after_the_timeout(
    serve: Serve, kind: str
) -> None:
    server = serve(problem(429, "rate_limited", {"Retry-After": "1"}), VALID)
    began = time.monotonic()
    assert server.connect(kind).verify_key(key="k").valid
    assert time.monotonic() - began > 0.5  # the usual first wait is 0.1 s at most
    assert len(server.requests) == 2

    patient = serve(problem(429, "rate_limited", {"Retry-After": "60"}))
    error = failure(lambda: patient.connect(kind).update_key(key_id="k", name="x"))
    assert isinstance(error, RateLimitedError)
    assert (error.retry_after, error.status, len(patient.requests)) == (60, 429, 1)


def test_a_429_without_a_problem_by_a_proxy_is_a_rate_limit_and_denies_until_its_date(serve: Serve, kind: str) -> None:
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    verdict = serve(text(429, "text/html", "Slow down", {"Retry-After": later})).connect(kind).verify_key(key="k")
    assert (verdict.valid, verdict.status, verdict.error.code) == (False, 503, "rate_limited")
    assert 60 < verdict.retry_after <= 100


def test_a_503_is_repeated_where_that_is_safe_at_most_as_often_as_retries_says(serve: Serve, kind: str) -> None:
    unavailable = problem(503, "unavailable")
    reading = serve(unavailable, unavailable, QUOTAS)
    assert reading.connect(kind).get_quotas().period == "2026-11"
    assert len(reading.requests) == 3

    assert serve(unavailable, VALID).connect(kind).verify_key(key="k").valid

    off = serve(unavailable)
    failure(lambda: off.connect(kind, retries=0).get_quotas())
    assert len(off.requests) == 1

    changing = serve(unavailable)
    assert failure(lambda: changing.connect(kind).update_key(key_id="k", name="x")).status == 503
    assert len(changing.requests) == 1


def test_a_cut_answer_is_repeated_under_the_same_idempotency_key_where_something_is_made(
    serve: Serve, kind: str
) -> None:
    server = serve(cut, answer_json(201, {"id": "k1", "key": "ck"}))
    assert server.connect(kind).issue_key(name="Key").key == "ck"
    first, second = server.requests
    assert first.idempotency_key is not None
    assert len(first.idempotency_key) == 36
    assert (first.idempotency_key, first.body) == (second.idempotency_key, second.body)


def test_a_cut_answer_repeats_a_reservation_as_the_same_and_a_verification_only_under_its_key(
    serve: Serve, kind: str
) -> None:
    reserving = serve(cut, answer_json(200, {"granted": False, "exceeded": {"meter": "tokens"}}))
    assert reserving.connect(kind).reserve(key_id="k", tokens=1).exceeded.meter == "tokens"
    assert "idempotency_key" in reserving.requests[0].body
    assert reserving.requests[0].body == reserving.requests[1].body

    counting = serve(cut, VALID)
    assert counting.connect(kind).verify_key(key="k").valid is False
    assert len(counting.requests) == 1

    once = serve(cut, VALID)
    assert once.connect(kind).verify_key(key="k", idempotency_key="i").valid


def test_what_cannot_be_settled_is_recorded_under_the_id_of_the_reservation(serve: Serve, kind: str) -> None:
    granted = answer_json(200, {"granted": True, "reservation_id": "hold_1", "held": {"tokens": 9}})
    server = serve(granted, problem(500, "internal"), RECORDED)
    tollgate = server.connect(kind, usage=UsageOptions(flush_interval=60))
    said = {"key_id": "k", "model": "m", "external_id": "c", "subject": "user-7", "provider": "p"}
    estimate = {"tokens": 9, "quantities": {"images": 2}, "expires_in_seconds": 60, "idempotency_key": "i"}
    tollgate.within_reservation(lambda hold: hold.use(output_tokens=3, endpoint="/v1/answers"), **said, **estimate)
    tollgate.flush()
    assert [seen.path for seen in server.requests] == [f"/api/v1/usage{end}" for end in ("/reserve", "/settle", "")]
    (event,) = json.loads(server.requests[2].body)["events"]
    recorded = {**said, "id": "hold_1", "output_tokens": 3, "endpoint": "/v1/answers", "timestamp": event["timestamp"]}
    assert event == recorded


def test_a_settlement_that_has_counted_although_its_answer_was_lost_is_not_said_to_be_lost(
    serve: Serve, kind: str
) -> None:
    granted = answer_json(200, {"granted": True, "reservation_id": "hold_1", "held": {"tokens": 9}})
    conflict = {"accepted": 0, "duplicates": 0, "conflicts": [{"index": 0, "id": "hold_1"}], "rejected": []}
    lost: list[LostEvent] = []
    server = serve(granted, cut, answer_json(200, conflict))
    tollgate = server.connect(kind, retries=0, usage=UsageOptions(flush_interval=60, on_lost=lost.extend))
    tollgate.within_reservation(lambda hold: hold.use(output_tokens=3), key_id="k", tokens=9)
    tollgate.flush()
    assert (len(server.requests), lost) == (3, [])


def test_what_json_cannot_hold_is_an_invalid_request_whose_use_is_said_to_be_lost_and_whose_hold_ends(
    serve: Serve, kind: str
) -> None:
    granted = answer_json(200, {"granted": True, "reservation_id": "hold_1", "held": {}})
    server = serve(granted, answer_json(200, {"outcome": "canceled", "released": True}))
    lost: list[LostEvent] = []
    usage = UsageOptions(flush_interval=60, on_lost=lost.extend)
    tollgate = server.connect(kind, on_unavailable="allow", usage=usage)
    for wrong in ({"a"}, float("nan")):
        error = failure(lambda wrong=wrong: tollgate.verify_key(key="k", cost=wrong))
        assert (type(error), error.status) == (InvalidRequestError, 0)
    assert server.requests == []

    tollgate.within_reservation(lambda hold: hold.use(output_tokens={3}), key_id="k", tokens=9)
    tollgate.flush()
    assert [json.loads(seen.body).get("cancel") for seen in server.requests] == [None, True]
    assert [one.reason for one in lost] == ["rejected"]


def test_a_decimal_is_sent_as_its_text(serve: Serve, kind: str) -> None:
    granted = answer_json(200, {"granted": True, "reservation_id": "hold_1", "held": {}})
    server = serve(granted, answer_json(200, {"outcome": "settled", "released": True}), RECORDED)
    tollgate = server.connect(kind, usage=UsageOptions(flush_interval=60))
    tollgate.within_reservation(lambda hold: hold.use(cost_usd=Decimal("0.12")), key_id="k", cost_usd=Decimal("1e-7"))
    tollgate.record(key_id="k", cost_usd=Decimal("3"))
    tollgate.flush()
    reserved, settled, recorded = (json.loads(seen.body) for seen in server.requests)
    assert (reserved["cost_usd"], settled["cost_usd"]) == ("0.0000001", "0.12")
    assert recorded["events"][0]["cost_usd"] == "3"


def test_a_reservation_that_tollgate_cannot_make_raises_or_records_its_use_as_was_chosen(
    serve: Serve, kind: str
) -> None:
    ran: list[bool] = []
    closed = serve(problem(500, "internal")).connect(kind)
    error = failure(lambda: closed.within_reservation(lambda hold: ran.append(True), key_id="k", tokens=9))
    assert (error.code, ran) == ("internal", [])

    server = serve(problem(500, "internal"), RECORDED)
    opened = server.connect(kind, usage=UsageOptions(flush_interval=60))
    given = {"key_id": "k", "subject": "user-7", "tokens": 9, "on_unavailable": "allow"}
    opened.within_reservation(lambda hold: hold.use(tokens=3), **given)
    opened.flush()
    (event,) = json.loads(server.requests[1].body)["events"]
    assert (event["key_id"], event["subject"], event["tokens"]) == ("k", "user-7", 3)

    forbidden = serve(problem(403, "forbidden")).connect(kind)
    refuse = failure(lambda: forbidden.within_reservation(lambda hold: None, key_id="k", on_unavailable="allow"))
    assert refuse.code == "forbidden"


def test_an_idempotency_key_that_the_server_does_not_look_at_makes_nothing_safe_to_repeat(
    serve: Serve, kind: str
) -> None:
    server = serve(cut)
    body = {"email": "ada@example.com", "password": "correct horse battery"}
    failure(lambda: server.connect(kind).call("POST /auth/login", body=body, idempotency_key="i"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "listener",
    [
        pytest.param(text(200, "application/json", '{"valid": tru'), id="broken JSON"),
        pytest.param(text(200, "application/json", "true"), id="JSON that is no object"),
        pytest.param(text(200, "application/json", "[]"), id="JSON that is a list"),
        pytest.param(answer_json(200, {"valid": "yes"}), id="JSON that is no verdict"),
        pytest.param(text(200, "text/html", "<h1>Welcome</h1>"), id="the page of another server"),
        pytest.param(text(302, "text/html", "", {"Location": "https://example.com/"}), id="a redirect"),
    ],
)
def test_what_cannot_be_read_is_an_outage_and_no_verdict(serve: Serve, kind: str, listener: Listener) -> None:
    verdict = serve(listener).connect(kind, retries=0).verify_key(key="k")
    assert (verdict.valid, verdict.code, verdict.error.code) == (False, "UNAVAILABLE", "unreadable_answer")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(403, ForbiddenError, id="a firewall, as a caller can provoke"),
        pytest.param(404, NotFoundError, id="a wrong address"),
    ],
)
def test_a_refusal_that_is_not_of_tollgate_opens_nothing_even_if_outages_are_allowed_and_keeps_events(
    serve: Serve, kind: str, status: int, error: type[TollgateError]
) -> None:
    server = serve(text(status, "text/html", "<h1>Request blocked</h1>"))
    tollgate = server.connect(kind, retries=0, on_unavailable="allow", usage=UsageOptions(flush_interval=60))
    refusal = failure(lambda: tollgate.verify_key(key="k"))
    assert (type(refusal), refusal.code) == (error, "unreadable_answer")
    given = {"key_id": "k", "tokens": 1, "on_unavailable": "allow"}
    ran: list[bool] = []
    assert type(failure(lambda: tollgate.within_reservation(lambda _: ran.append(True), **given))) is error
    assert ran == []
    tollgate.record(key_id="k")
    failure(lambda: tollgate.flush())
    failure(lambda: tollgate.flush())
    assert server.requests[-1].body == server.requests[-2].body


def test_a_page_of_another_server_opens_nothing_even_if_outages_are_allowed_and_a_408_is_an_outage(
    serve: Serve, kind: str
) -> None:
    for page in (text(200, "text/html", "<h1>Blocked</h1>"), text(202, "text/html", "")):
        tollgate = serve(page).connect(kind, retries=0, on_unavailable=lambda error, given: "allow")
        verdict = tollgate.verify_key(key="k")
        assert (verdict.valid, verdict.code, verdict.status) == (False, "UNAVAILABLE", 503)
    slow = serve(text(408, "text/html", "<h1>Too slow</h1>")).connect(kind, retries=0, on_unavailable="allow")
    assert slow.verify_key(key="k").valid


def test_fields_and_words_of_a_newer_server_break_no_older_client(serve: Serve, kind: str) -> None:
    newer = {"valid": False, "code": "ON_HOLIDAY", "status": 403, "retry_after": None, "mood": {"of": "the day"}}
    verdict = serve(answer_json(200, newer)).connect(kind).verify_key(key="k")
    assert (verdict.code, verdict.status) == ("ON_HOLIDAY", 403)
    error = failure(lambda: serve(problem(418, "teapot")).connect(kind).get_quotas())
    assert (type(error), error.code) == (TollgateError, "teapot")


def test_an_older_server_leaves_fields_empty(serve: Serve, kind: str) -> None:
    quotas = (
        serve(answer_json(200, {"period": "2026-11", "meters": {"tokens": {"used": 3}}})).connect(kind).get_quotas()
    )
    assert (quotas.plan, quotas.meters.tokens.used, quotas.meters.queries) == (None, 3, None)


def test_whoever_awaits_may_cancel(serve: Serve) -> None:
    server = serve(silent)

    async def cancel() -> bool:
        async with AsyncTollgate(base_url=server.base_url, service_key="svc") as tollgate:
            call = asyncio.ensure_future(tollgate.get_quotas())
            while not server.requests:
                await asyncio.sleep(0.01)
            call.cancel()
            await asyncio.wait([call])
            return call.cancelled()

    assert asyncio.run(cancel())


def test_threads_share_a_client(serve: Serve) -> None:
    tollgate = serve(QUOTAS).connect("sync")
    periods: list[str] = []
    threads = [threading.Thread(target=lambda: periods.append(tollgate.get_quotas().period)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert periods == ["2026-11"] * 20


def test_the_client_names_itself_and_sends_its_key(serve: Serve, kind: str) -> None:
    server = serve(QUOTAS)
    tollgate: AnyClient = server.connect(kind)
    tollgate.get_quotas(external_id="a&b")
    (seen,) = server.requests
    assert (seen.path, seen.headers["Authorization"]) == ("/api/v1/quotas?external_id=a%26b", "Bearer svc_test")
    assert seen.headers["User-Agent"].startswith("tollgate-python/")
