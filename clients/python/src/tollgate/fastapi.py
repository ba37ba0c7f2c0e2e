"""Protects routes of FastAPI: `Depends(require_key(tollgate, scopes=["orders:read"]))`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, cast

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, Response, Security, WebSocketException
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import HTTPConnection

from ._asgi import PASSAGES, KeyMiddleware, flush
from ._async_client import AsyncTollgate
from ._client import Tollgate
from ._key_places import AS_BEARER, IN_HEADER
from ._protect import KeyContext, Need, Refusal, RequestFacts, build_input, read_key, refuse_by
from ._verdict import Verdict

__all__ = ["KeyContext", "KeyRefused", "install", "require_key"]

_POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1


class KeyRefused(HTTPException):
    """A request without a key that may pass. Answered with problem+json, unless a handler of yours does."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, detail=refusal.body["detail"], headers=dict(refusal.headers))
        self.refusal = refusal


def install(app: FastAPI) -> None:
    """Prepares an app for `require_key`, before it starts.

    Answers of every kind then carry the key's `RateLimit` headers and are reported with their status and time, and
    recorded usage is sent before the app ends. An app that is not prepared is so by its first protected request.
    """
    app.add_middleware(KeyMiddleware)
    app.exception_handlers.setdefault(KeyRefused, _answer_refusal)


def require_key(
    client: Tollgate | AsyncTollgate,
    *,
    scopes: Sequence[str] | None = None,
    cost: int | None = None,
    limits: Mapping[str, int] | None = None,
    endpoint: str | None = None,
    ip: Callable[[Request], str | None] | None = None,
    report: Literal["later", "now"] = "later",
) -> Callable[..., Awaitable[KeyContext]]:
    """A dependency that lets requests with a valid key through and answers all others with problem+json.

    It takes the key from `X-API-Key` or as a bearer token. `scopes`, `cost` and `limits` (units of key limits) are
    what the request needs. `endpoint` is the name for statistics: by default the route's path. `ip` gives the caller's
    address: by default `request.client.host`, which follows uvicorn's `--proxy-headers`. `report="now"` sends the report
    before the application returns, for platforms that stop it then, such as AWS Lambda. The handler gets a `KeyContext`.
    A WebSocket without a valid key is closed with 1008.

    The dependency raises a TollgateError when the service key or the need is wrong: a mistake of yours and not of the
    caller.
    """
    need = Need(scopes=scopes, cost=cost, limits=limits)

    async def require_key(
        connection: HTTPConnection,
        response: Response,
        background: BackgroundTasks,
        _in_header: Any = Security(IN_HEADER),
        _as_bearer: Any = Security(AS_BEARER),
    ) -> KeyContext:
        passages = _prepare(connection)
        facts = _read_facts(connection, endpoint, ip)
        try:
            verdict = await _verify(client, need, facts)
        except KeyRefused as error:
            if connection.scope["type"] == "websocket":
                raise WebSocketException(_POLICY_VIOLATION, error.detail) from error
            raise
        passage = KeyContext(client, verdict, facts, is_urgent=report == "now")
        if passages is None and connection.scope["type"] == "websocket":
            await _pass_unprepared_socket(passage)
        elif passages is None:
            _pass_unprepared(passage, response, background)
        else:
            passages.append(passage)
        return passage

    return require_key


async def _verify(client: Tollgate | AsyncTollgate, need: Need, facts: RequestFacts) -> Verdict:
    key = read_key(facts)
    if isinstance(key, Refusal):
        raise KeyRefused(key)
    given = build_input(key, need, facts)
    if isinstance(client, AsyncTollgate):
        verdict = await client.verify_key(traceparent=facts.traceparent, **given)
    else:
        verdict = await run_in_threadpool(client.verify_key, traceparent=facts.traceparent, **given)
    if not verdict.valid:
        raise KeyRefused(refuse_by(verdict))
    return verdict


def _read_facts(
    connection: HTTPConnection, endpoint: str | None, ip: Callable[[Request], str | None] | None
) -> RequestFacts:
    host = connection.client.host if connection.client else None
    return RequestFacts(
        method=connection.scope.get("method", "GET"),
        endpoint=endpoint or _describe_route(connection),
        authorization=connection.headers.get("Authorization"),
        api_key=connection.headers.get("X-API-Key"),
        user_agent=connection.headers.get("User-Agent"),
        ip=ip(cast(Request, connection)) if ip else host,
        traceparent=connection.headers.get("traceparent"),
    )


def _describe_route(connection: HTTPConnection) -> str:
    """The route's path, with that of the mounts around it, and without what a proxy has taken off."""
    scope = connection.scope
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return connection.url.path
    mounted = scope["root_path"].removeprefix(scope["app_root_path"]) if "app_root_path" in scope else ""
    return f"{mounted}{path}"


def _answer_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KeyRefused)
    return Response(error.refusal.content(), error.refusal.status, dict(error.refusal.headers))


def _prepare(connection: HTTPConnection) -> list[KeyContext] | None:
    """None for the request that an app was not prepared for; later ones find it prepared.

    A mounted app answers exceptions by itself, so it learns how to answer a refusal.
    """
    app = connection.app
    if KeyRefused not in app.exception_handlers:
        app.exception_handlers[KeyRefused] = _answer_refusal
        _add_handler(app.middleware_stack)
    passages: list[KeyContext] | None = connection.scope.get(PASSAGES)
    if passages is None and not isinstance(app.middleware_stack, KeyMiddleware):
        app.middleware_stack = KeyMiddleware(app.middleware_stack)
    return passages


def _add_handler(layer: Any) -> None:
    """Finds the layer of a running app that answers exceptions. Without one, a refusal is a plain HTTPException."""
    while layer is not None and not isinstance(layer, ExceptionMiddleware):
        layer = getattr(layer, "app", None)
    if layer is not None:
        layer.add_exception_handler(KeyRefused, _answer_refusal)


def _pass_unprepared(passage: KeyContext, response: Response, background: BackgroundTasks) -> None:
    """What a dependency alone can do: headers for answers that FastAPI builds, and a report of those that succeed."""
    response.headers.update(passage.verdict.headers)
    background.add_task(lambda: passage.report(response.status_code or 200))
    if passage.is_urgent:
        background.add_task(flush, passage.client)


async def _pass_unprepared_socket(passage: KeyContext) -> None:
    """Reports a WebSocket as accepted when it begins: FastAPI runs no background tasks at its end."""
    passage.report(101)
    if passage.is_urgent:
        await flush(passage.client)
