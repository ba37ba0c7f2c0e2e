"""Protects routes of FastAPI: `Depends(require_key(tollgate, scopes=["orders:read"]))`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.middleware.exceptions import ExceptionMiddleware

from ._asgi import PASSAGES, KeyMiddleware
from ._async_client import AsyncTollgate
from ._client import Tollgate
from ._protect import KeyContext, Need, Refusal, RequestFacts, build_input, read_key, refuse_by
from ._verdict import Verdict

__all__ = ["KeyContext", "KeyRefused", "install", "require_key"]

# They refuse nothing themselves: they put the key's place into the documentation of the API.
_IN_HEADER = APIKeyHeader(name="X-API-Key", scheme_name="API key", auto_error=False)
_AS_BEARER = HTTPBearer(scheme_name="API key as bearer token", auto_error=False)


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
) -> Callable[..., Awaitable[KeyContext]]:
    """A dependency that lets requests with a valid key through and answers all others with problem+json.

    It takes the key from `X-API-Key` or as a bearer token. `scopes`, `cost` and `limits` (units of key limits) are
    what the request needs. `endpoint` is the name for statistics: by default the route's path. `ip` gives the caller's
    address: by default `request.client.host`, which follows uvicorn's `--proxy-headers`. The handler gets a
    `KeyContext`.

    The dependency raises a TollgateError when the service key or the need is wrong: a mistake of yours and not of the
    caller.
    """
    need = Need(scopes=scopes, cost=cost, limits=limits)

    async def require_key(
        request: Request,
        response: Response,
        background: BackgroundTasks,
        _in_header: Any = Security(_IN_HEADER),
        _as_bearer: Any = Security(_AS_BEARER),
    ) -> KeyContext:
        facts = _read_facts(request, endpoint, ip)
        try:
            verdict = await _verify(client, need, facts)
        except KeyRefused:
            _find_passages(request)  # an app that was not prepared learns how to answer it
            raise
        passage = KeyContext(client, verdict, facts)
        passages = _find_passages(request)
        if passages is None:
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


def _read_facts(request: Request, endpoint: str | None, ip: Callable[[Request], str | None] | None) -> RequestFacts:
    return RequestFacts(
        method=request.method,
        endpoint=endpoint or getattr(request.scope.get("route"), "path", None) or request.url.path,
        authorization=request.headers.get("Authorization"),
        api_key=request.headers.get("X-API-Key"),
        user_agent=request.headers.get("User-Agent"),
        ip=ip(request) if ip else (request.client.host if request.client else None),
        traceparent=request.headers.get("traceparent"),
    )


def _answer_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KeyRefused)
    return Response(error.refusal.content(), error.refusal.status, dict(error.refusal.headers))


def _find_passages(request: Request) -> list[KeyContext] | None:
    """None for the request that an app was not prepared for; later ones find it prepared."""
    passages: list[KeyContext] | None = request.scope.get(PASSAGES)
    app = request.app
    if passages is None and not isinstance(app.middleware_stack, KeyMiddleware):
        if KeyRefused not in app.exception_handlers:
            _add_handler(app.middleware_stack)
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
