"""Protected routes of FastAPI, over the wire of ASGI and by uvicorn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.requests import ClientDisconnect
from support import Customer, World, becomes, free_port, make_customer, wait_for

from tollgate import AsyncTollgate, Tollgate, UsageOptions
from tollgate.fastapi import KeyContext, KeyRefused, install, require_key

Client = Tollgate | AsyncTollgate


def make_client(kind: str, world: World, **options: Any) -> Client:
    make = Tollgate if kind == "sync" else AsyncTollgate
    known = {"base_url": world.base_url, "service_key": world.service_key, "timeout": 60, "verify_timeout": 60}
    return make(**{**known, **options})


async def close(client: Client) -> None:
    if isinstance(client, AsyncTollgate):
        await client.aclose()
    else:
        client.close()


def make_app(client: Client, *, prepared: bool = True, **need: Any) -> FastAPI:
    app = FastAPI()
    if prepared:
        install(app)
    router = APIRouter(prefix="/v1")

    @router.get("/orders/{order_id}", status_code=202)
    async def read_order(order_id: str, key: KeyContext = Depends(require_key(client, **need))) -> dict[str, Any]:
        key.use(queries=3)
        key.use(output_tokens=50)
        return {"id": order_id, "external_id": key.verdict.external_id, "code": key.verdict.code}

    @router.get("/blocking")
    def read_in_thread(key: KeyContext = Depends(require_key(client))) -> dict[str, Any]:
        key.use(queries=1)
        return {}

    @router.get("/own", dependencies=[Depends(require_key(client))])
    async def answer_oneself() -> JSONResponse:
        return JSONResponse({}, 418)

    @router.get("/stream")
    async def stream(key: KeyContext = Depends(require_key(client))) -> StreamingResponse:
        async def generate() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"
            key.use(output_tokens=7)

        return StreamingResponse(generate())

    @router.get("/endless")
    async def stream_without_end(key: KeyContext = Depends(require_key(client))) -> StreamingResponse:
        async def generate() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"one"
                    await asyncio.sleep(0)
            finally:
                key.use(output_tokens=9)

        return StreamingResponse(generate())

    @router.get("/later")
    async def use_later(later: BackgroundTasks, key: KeyContext = Depends(require_key(client))) -> dict[str, Any]:
        key.use(output_tokens=1)
        later.add_task(key.use, output_tokens=900)
        return {}

    @router.get("/broken", dependencies=[Depends(require_key(client))])
    async def fail() -> None:
        raise ValueError("The handler failed.")

    @router.get("/missing", dependencies=[Depends(require_key(client))])
    async def miss() -> None:
        raise HTTPException(404, "No such order.")

    @router.get("/open")
    async def answer_everybody() -> dict[str, Any]:
        return {}

    app.include_router(router)
    return app


async def get(app: FastAPI, path: str = "/v1/orders/42", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.example.com") as http:
        return await http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def exchange(kind: str, world: World, *requests: tuple[str, dict[str, str]], **options: Any) -> list[httpx.Response]:
    """Sends requests to an app one after another, and what was recorded afterwards."""

    async def within() -> list[httpx.Response]:
        need = {name: options.pop(name) for name in ("scopes", "cost", "limits", "endpoint", "ip") if name in options}
        prepared = options.pop("prepared", True)
        client = make_client(kind, world, **options)
        app = make_app(client, prepared=prepared, **need)
        answers = [await get(app, path, **headers) for path, headers in requests]
        await close(client)
        return answers

    return asyncio.run(within())


def read_usage(world: World, customer: Customer, by: str | None = None) -> Any:
    with Tollgate(base_url=world.base_url, service_key=world.service_key, timeout=60) as tollgate:
        if by is None:
            return tollgate.usage_summary(external_id=customer.external_id).totals
        query = {"by": by, "external_id": customer.external_id}
        return sorted(item["value"] for item in tollgate.call("GET /usage/breakdown", query=query)["data"])


def values_become(world: World, customer: Customer, by: str, expected: list[str]) -> bool:
    return becomes(lambda: read_usage(world, customer, by), expected)


def totals_become(world: World, customer: Customer, **expected: int) -> bool:
    def read() -> dict[str, Any]:
        totals = read_usage(world, customer)
        return {name: getattr(totals, name) for name in expected}

    return becomes(read, expected)


ORDER = "/v1/orders/42"


def test_a_valid_key_passes_by_either_header_with_its_rate_limit_and_its_facts(world: World, kind: str) -> None:
    customer = make_customer(world, ["orders:read"])
    bearer, named = exchange(
        kind,
        world,
        (ORDER, {"Authorization": f"Bearer {customer.key}"}),
        (ORDER, {"X-API-Key": customer.key}),
        scopes=["orders:read"],
        cost=2,
    )
    assert (bearer.status_code, bearer.json()["external_id"]) == (202, customer.external_id)
    assert named.headers["RateLimit-Policy"].startswith('"key";q=')
    assert named.headers["RateLimit"].startswith('"key";r=')
    with Tollgate(base_url=world.base_url, service_key=world.service_key, timeout=60) as tollgate:
        assert becomes(lambda: tollgate.get_quotas(external_id=customer.external_id).meters.api_calls.used, 4)


@pytest.mark.parametrize("prepared", [True, False])
def test_whoever_has_no_key_a_wrong_one_two_or_too_little_gets_problem_json(
    world: World, kind: str, customer: Customer, prepared: bool
) -> None:
    answers = exchange(
        kind,
        world,
        (ORDER, {}),
        (ORDER, {"Authorization": "Basic eDp5"}),
        (ORDER, {"X-API-Key": "ck_live_unknown"}),
        (ORDER, {"X-API-Key": "x" * 257}),
        (ORDER, {"X-API-Key": customer.key, "Authorization": "Bearer other"}),
        (ORDER, {"X-API-Key": customer.key}),
        scopes=["orders:read"],
        prepared=prepared,
    )
    seen = [(one.status_code, one.json()["code"], one.headers.get("WWW-Authenticate")) for one in answers]
    assert seen == [
        (401, "unauthenticated", "Bearer"),
        (401, "unauthenticated", "Bearer"),
        (401, "not_found", "Bearer"),
        (401, "not_found", "Bearer"),
        (400, "ambiguous_credentials", None),
        (403, "insufficient_scope", None),
    ]
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert {"type", "title", "detail"} < answer.json().keys()
    assert "request_id" in answers[-1].json()


def test_a_key_over_its_limit_is_refused_with_retry_after(world: World, kind: str, customer: Customer) -> None:
    with Tollgate(base_url=world.base_url, service_key=world.service_key, timeout=60) as tollgate:
        tollgate.update_key(external_id=customer.external_id, key_id=customer.key_id, custom_rate_limit=1)
    first, second = exchange(kind, world, *[(ORDER, {"X-API-Key": customer.key})] * 2)
    assert (first.status_code, second.status_code) == (202, 429)
    assert second.json()["code"] == "rate_limited"
    assert int(second.headers["Retry-After"]) > 0
    assert "r=0" in second.headers["RateLimit"]


@pytest.mark.parametrize("prepared", [True, False])
def test_the_request_is_reported_under_its_route_with_its_status_and_what_was_used(
    world: World, kind: str, customer: Customer, prepared: bool
) -> None:
    (answer,) = exchange(kind, world, (ORDER, {"X-API-Key": customer.key}), prepared=prepared)
    assert answer.status_code == 202
    assert "RateLimit" in answer.headers
    assert totals_become(world, customer, requests=1, queries=3, tokens=50, api_calls=1)
    assert read_usage(world, customer).avg_response_time_ms is not None
    assert values_become(world, customer, "endpoint", ["/v1/orders/{order_id}"])
    if prepared:
        assert values_become(world, customer, "status", ["202"])


def test_every_kind_of_answer_has_the_headers_and_is_reported_with_its_status(
    world: World, kind: str, customer: Customer
) -> None:
    paths = ["/v1/own", "/v1/stream", "/v1/blocking", "/v1/missing", "/v1/broken"]
    answers = exchange(kind, world, *[(path, {"X-API-Key": customer.key}) for path in paths])
    assert [answer.status_code for answer in answers] == [418, 200, 200, 404, 500]
    assert answers[1].content == b"onetwo"
    assert all("RateLimit" in answer.headers for answer in answers[:4])
    assert values_become(world, customer, "status", ["200", "404", "418", "500"])
    assert totals_become(world, customer, requests=5, errors=3, tokens=7, queries=1)


def test_what_is_used_after_the_answer_counts_in_the_same_request(world: World, kind: str, customer: Customer) -> None:
    exchange(kind, world, ("/v1/later", {"X-API-Key": customer.key}))
    assert totals_become(world, customer, requests=1, tokens=901)
    assert values_become(world, customer, "status", ["200"])


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_stream_whose_caller_leaves_by_a_message_or_an_error_of_the_server_counts_what_was_used_under_the_status_499(
    world: World, kind: str, customer: Customer, spec_version: str
) -> None:
    async def within() -> None:
        began = asyncio.Event()
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await began.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                if spec_version == "2.4":
                    raise OSError("The caller has left.")
                began.set()

        client = make_client(kind, world)
        app = make_app(client)
        try:
            await app(describe_get("/v1/endless", customer.key, spec_version), receive, send)
        except (OSError, ClientDisconnect):
            assert spec_version == "2.4"
        await close(client)

    asyncio.run(within())
    assert values_become(world, customer, "status", ["499"])
    if spec_version == "2.3":  # else nobody but the garbage collector ends the generator
        assert totals_become(world, customer, requests=1, tokens=9)


def describe_get(path: str, key: str, spec_version: str) -> dict[str, Any]:
    """A request as a server of ASGI describes it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"x-api-key", key.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


def test_an_app_that_was_not_prepared_is_so_after_its_first_protected_request(
    world: World, kind: str, customer: Customer
) -> None:
    headers = {"X-API-Key": customer.key}
    _, own = exchange(kind, world, (ORDER, {}), ("/v1/own", headers), prepared=False)
    assert "RateLimit" in own.headers
    assert values_become(world, customer, "status", ["418"])


def test_the_endpoint_and_the_address_can_be_given(world: World, kind: str, customer: Customer) -> None:
    with Tollgate(base_url=world.base_url, service_key=world.service_key, timeout=60) as tollgate:
        tollgate.update_key(external_id=customer.external_id, key_id=customer.key_id, allowed_ips=["192.0.2.7"])
    request = (ORDER, {"X-API-Key": customer.key, "X-Real-IP": "192.0.2.7"})
    (elsewhere,) = exchange(kind, world, request)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "forbidden_ip")
    (allowed,) = exchange(kind, world, request, endpoint="orders", ip=lambda request: request.headers["X-Real-IP"])
    assert allowed.status_code == 202
    assert wait_for(lambda: "orders" in read_usage(world, customer, "endpoint"))


def test_while_tollgate_is_away_requests_are_refused_or_let_through_as_was_chosen(world: World, kind: str) -> None:
    away = {"base_url": f"http://127.0.0.1:{free_port()}", "retries": 0}
    (refused,) = exchange(kind, world, (ORDER, {"X-API-Key": "ck"}), **away)
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()["code"]) == (503, "2", "unavailable")
    (allowed,) = exchange(kind, world, (ORDER, {"X-API-Key": "ck"}), on_unavailable="allow", **away)
    assert (allowed.status_code, allowed.json()["code"]) == (202, "UNAVAILABLE")


def test_a_wrong_service_key_is_an_error_of_the_operator_and_lets_nobody_through(world: World, kind: str) -> None:
    wrong = {"service_key": "svc_live_wrong", "on_unavailable": "allow"}
    (answer,) = exchange(kind, world, (ORDER, {"X-API-Key": "ck"}), **wrong)
    assert answer.status_code == 500


def test_what_is_not_protected_asks_nobody(world: World, kind: str) -> None:
    (answer,) = exchange(kind, world, ("/v1/open", {}), base_url=f"http://127.0.0.1:{free_port()}")
    assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)


def test_a_handler_of_ones_own_may_answer_refusals(world: World, kind: str) -> None:
    async def within() -> httpx.Response:
        client = make_client(kind, world)
        app = make_app(client)

        @app.exception_handler(KeyRefused)
        async def answer(_: Any, error: KeyRefused) -> JSONResponse:
            return JSONResponse({"reason": error.refusal.body["code"]}, error.status_code)

        refused = await get(app)
        await close(client)
        return refused

    answer = asyncio.run(within())
    assert (answer.status_code, answer.json()) == (401, {"reason": "unauthenticated"})


def test_the_documentation_of_the_app_tells_where_the_key_goes(world: World, kind: str) -> None:
    schemes = make_app(make_client(kind, world)).openapi()["components"]["securitySchemes"]
    assert schemes["API key"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    assert schemes["API key as bearer token"] == {"type": "http", "scheme": "bearer"}


def test_a_server_that_ends_sends_what_was_recorded(world: World, kind: str, customer: Customer) -> None:
    port = free_port()
    app = make_app(make_client(kind, world))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    answer = httpx.get(f"http://127.0.0.1:{port}/v1/orders/42", headers={"X-API-Key": customer.key}, timeout=60)
    server.should_exit = True
    thread.join(60)
    assert answer.status_code == 202
    assert values_become(world, customer, "endpoint", ["/v1/orders/{order_id}"])
    assert totals_become(world, customer, queries=3)


@pytest.mark.parametrize("prepared", [True, False])
def test_a_mounted_app_answers_refusals_by_problem_json_and_is_counted_with_its_prefix(
    world: World, kind: str, customer: Customer, prepared: bool
) -> None:
    async def within() -> tuple[httpx.Response, httpx.Response]:
        client = make_client(kind, world)
        outer = FastAPI()
        if prepared:
            install(outer)
        outer.mount("/shop", make_app(client, prepared=False))
        refused = await get(outer, "/shop/v1/orders/42")
        admitted = await get(outer, "/shop/v1/orders/42", X_API_Key=customer.key)
        await close(client)
        return refused, admitted

    refused, admitted = asyncio.run(within())
    assert (refused.status_code, refused.headers["Content-Type"]) == (401, "application/problem+json")
    assert refused.json()["code"] == "unauthenticated"
    assert admitted.status_code == 202
    assert values_become(world, customer, "endpoint", ["/shop/v1/orders/{order_id}"])


@pytest.mark.parametrize("prepared", [True, False])
def test_a_web_socket_needs_a_key_and_is_closed_with_1008_without_one(
    world: World, kind: str, prepared: bool
) -> None:
    customer = make_customer(world)

    async def within() -> tuple[list[Any], list[Any]]:
        client = make_client(kind, world)
        app = FastAPI()
        if prepared:
            install(app)

        @app.websocket("/feed")
        async def feed(socket: WebSocket, key: KeyContext = Depends(require_key(client))) -> None:
            await socket.accept()
            key.use(queries=2)
            await socket.close()

        admitted = await connect_socket(app, [(b"x-api-key", customer.key.encode())])  # it is an unprepared app's first
        refused = await connect_socket(app, [])
        await close(client)
        return refused, admitted

    refused, admitted = asyncio.run(within())
    assert [(message["type"], message.get("code")) for message in refused] == [("websocket.close", 1008)]
    assert [message["type"] for message in admitted] == ["websocket.accept", "websocket.close"]
    assert values_become(world, customer, "status", ["101"])
    assert totals_become(world, customer, queries=2)


async def connect_socket(app: FastAPI, headers: list[tuple[bytes, bytes]]) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/feed", "raw_path": b"/feed", "query_string": b"", "headers": headers}
    more = {"scheme": "ws", "client": ("127.0.0.1", 1), "server": ("api.example.com", 80), "subprotocols": []}
    await app({**scope, **more, "root_path": "", "asgi": {"version": "3.0"}}, receive, send)
    return sent


def test_a_report_that_is_due_now_is_sent_before_the_application_returns(world: World, kind: str) -> None:
    customer = make_customer(world)

    async def within() -> None:
        client = make_client(kind, world, usage=UsageOptions(flush_interval=3_600))
        assert (await get(make_app(client, report="now"), X_API_Key=customer.key)).status_code == 202
        assert values_become(world, customer, "status", ["202"])  # nothing was flushed since
        await close(client)

    asyncio.run(within())
