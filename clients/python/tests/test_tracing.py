"""What a program sees of the requests that its client sends, and the trace that they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from support import QUOTAS, RECORDED, VALID, Server, answer_json, dripping, failure, problem, silent

from tollgate import AsyncTollgate, RequestOutcome, SentRequest, Tollgate, UsageOptions
from tollgate.fastapi import install, require_key

Serve = Callable[..., Server]

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
GRANTED = answer_json(200, {"granted": True, "reservation_id": "hold_1"})


def traces(server: Server) -> list[tuple[str, str | None]]:
    return [(seen.path.removeprefix("/api/v1"), seen.headers.get("traceparent")) for seen in server.requests]


def test_the_hooks_see_each_attempt_without_values_and_how_it_ended(serve: Serve, kind: str) -> None:
    began: list[SentRequest] = []
    ended: list[RequestOutcome] = []
    server = serve(problem(503, "unavailable"), answer_json(200, {"id": "k"}))
    tollgate = server.connect(kind, on_request=began.append, on_response=ended.append)
    tollgate.get_key(key_id="secret")
    assert began == [SentRequest(method="GET", path="/auth/api-keys/{id}", attempt=at) for at in (1, 2)]
    assert [(one.path, one.attempt, one.status) for one in ended] == [
        ("/auth/api-keys/{id}", 1, 503),
        ("/auth/api-keys/{id}", 2, 200),
    ]
    assert [one.error and one.error.code for one in ended] == ["unavailable", None]
    assert all(one.ms >= 0 for one in ended)


@pytest.mark.parametrize("listener", [silent, dripping])
def test_an_attempt_that_its_timeout_ends_is_told_of_once(serve: Serve, kind: str, listener: Any) -> None:
    ended: list[RequestOutcome] = []
    tollgate = serve(listener).connect(kind, timeout=0.2, on_response=ended.append)
    assert failure(lambda: tollgate.get_quotas()).code == "timeout"
    assert [(one.status, one.error and one.error.code) for one in ended] == [(None, "timeout")]


def test_an_attempt_that_is_canceled_is_told_of_without_an_error(serve: Serve) -> None:
    ended: list[RequestOutcome] = []
    server = serve(silent)

    async def cancel() -> None:
        async with AsyncTollgate(base_url=server.base_url, service_key="svc", on_response=ended.append) as tollgate:
            call = asyncio.ensure_future(tollgate.get_quotas())
            while not server.requests:
                await asyncio.sleep(0.01)
            call.cancel()
            await asyncio.wait([call])
            await asyncio.sleep(0.05)

    asyncio.run(cancel())
    assert [(one.status, one.error) for one in ended] == [(None, None)]


def test_a_hook_that_fails_fails_no_call(serve: Serve, kind: str) -> None:
    def fail(_: SentRequest) -> None:
        raise ValueError("The log is full.")

    assert serve(QUOTAS).connect(kind, on_request=fail, on_response=fail).get_quotas().period == "2026-11"


def test_a_call_carries_the_trace_that_it_was_given_or_else_the_one_that_the_client_finds(
    serve: Serve, kind: str
) -> None:
    server = serve(VALID, QUOTAS, QUOTAS, GRANTED, RECORDED, RECORDED)
    tollgate = server.connect(kind, traceparent=lambda: OTHER, usage=UsageOptions(flush_interval=60))
    tollgate.verify_key(key="k", traceparent=TRACE)
    tollgate.call("GET /quotas", traceparent=TRACE)
    tollgate.get_quotas()
    tollgate.within_reservation(lambda hold: hold.use(tokens=1), key_id="k", traceparent=TRACE)
    tollgate.send_usage([{"key_id": "k"}], traceparent=TRACE)
    assert traces(server) == [
        ("/keys/verify", TRACE),
        ("/quotas", TRACE),
        ("/quotas", OTHER),
        ("/usage/reserve", TRACE),
        ("/usage/settle", TRACE),
        ("/usage", TRACE),
    ]


@pytest.mark.parametrize("found", [None, f"{TRACE}\r\nX-Injected: 1", "ff" + TRACE[2:], ValueError("No span.")])
def test_what_is_no_trace_is_not_sent(serve: Serve, kind: str, found: Any) -> None:
    def find() -> str | None:
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

    server = serve(QUOTAS)
    server.connect(kind, traceparent=find).get_quotas()
    assert traces(server) == [("/quotas", None)]


def test_a_protected_route_passes_the_trace_of_its_request_on(serve: Serve, kind: str) -> None:
    server = serve(VALID)

    async def call() -> int:
        make = Tollgate if kind == "sync" else AsyncTollgate
        app = FastAPI()
        install(app)
        client = make(base_url=server.base_url, service_key="svc")

        @app.get("/", dependencies=[Depends(require_key(client))])
        async def answer() -> dict[str, Any]:
            return {}

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api") as http:
            return (await http.get("/", headers={"X-API-Key": "ck", "traceparent": TRACE})).status_code

    assert asyncio.run(call()) == 200
    assert traces(server) == [("/keys/verify", TRACE)]


def test_a_client_of_httpx_is_used_as_it_is_and_stays_open_but_sends_the_key_nowhere_else(
    serve: Serve, kind: str
) -> None:
    seen: list[str] = []
    redirect = answer_json(302, {}, {"Location": "https://example.com/"})
    server = serve(QUOTAS, redirect)
    options: dict[str, Any] = {"headers": {"X-Own": "1"}, "auth": ("other", "credentials"), "follow_redirects": True}

    async def note(request: httpx.Request) -> None:
        seen.append(request.headers["X-Own"])

    http: Any = httpx.Client(**options) if kind == "sync" else httpx.AsyncClient(event_hooks={"request": [note]}, **options)
    tollgate = server.connect(kind, http_client=http, retries=0)
    assert tollgate.get_quotas().period == "2026-11"
    assert failure(lambda: tollgate.get_quotas()).code == "unreadable_answer"
    assert [one.headers["Authorization"] for one in server.requests] == ["Bearer svc_test"] * 2
    assert server.requests[0].headers["X-Own"] == "1"
    assert seen == ([] if kind == "sync" else ["1", "1"])
    tollgate.close()
    assert not http.is_closed


def test_a_transport_is_used_as_it_is_and_goes_not_with_a_client(kind: str) -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"period": "2026-11"}))
    options: dict[str, Any] = {"base_url": "https://tollgate.example.com", "service_key": "svc", "transport": answer}
    if kind == "sync":
        with Tollgate(**options) as tollgate, httpx.Client() as http:
            assert tollgate.get_quotas().period == "2026-11"
            with pytest.raises(ValueError, match="not both"):
                Tollgate(http_client=http, **options)
        return

    async def ask() -> str:
        async with AsyncTollgate(**options) as tollgate:
            return (await tollgate.get_quotas()).period

    assert asyncio.run(ask()) == "2026-11"
