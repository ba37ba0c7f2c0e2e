"""What the tests share: both clients in one shape, customers, and servers that fail as they are told."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tollgate import AsyncTollgate, Tollgate, TollgateError


@dataclass(frozen=True)
class World:
    base_url: str
    service_key: str
    # May only verify and report.
    narrow_key: str


@dataclass(frozen=True)
class Customer:
    external_id: str
    key_id: str
    key: str


def make_customer(world: World, scopes: Sequence[str] = ()) -> Customer:
    """A customer of its own, so that tests see no one else's usage."""
    external_id = str(uuid.uuid4())
    with Tollgate(base_url=world.base_url, service_key=world.service_key, timeout=60) as tollgate:
        tollgate.upsert_customer(external_id=external_id, name="Ada", plan="builder")
        issued = tollgate.issue_key(external_id=external_id, name="Key", scopes=list(scopes))
    return Customer(external_id, issued.id, issued.key)


class AnyClient:
    """A client of either kind, called without `await`. The asynchronous one runs on a loop of its own."""

    def __init__(self, client: Tollgate | AsyncTollgate, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)

        def call(*args: Any, **given: Any) -> Any:
            if self._loop is None:
                return method(*args, **given)
            return asyncio.run_coroutine_threadsafe(_call(method, args, given), self._loop).result()

        return call

    def close(self) -> None:
        if self._loop is None:
            self.client.close()  # type: ignore[union-attr]
            return
        self.aclose()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def read_all(self, list_page: str, **given: Any) -> list[Any]:
        """What `iterate` gives, page by page."""
        if isinstance(self.client, Tollgate):
            return list(self.client.iterate(getattr(self.client, list_page), **given))
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(_read_all(self.client, list_page, given), self._loop).result()

    def within_reservation(self, body: Callable[[Any], Any], **given: Any) -> Any:
        """Runs the body in `with tollgate.reservation(…)`."""
        if isinstance(self.client, Tollgate):
            with self.client.reservation(**given) as hold:
                return body(hold)
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(_within(self.client, body, given), self._loop).result()


async def _call(method: Any, args: Any, given: Any) -> Any:
    result = method(*args, **given)
    return await result if inspect.isawaitable(result) else result


async def _read_all(client: AsyncTollgate, list_page: str, given: Any) -> list[Any]:
    return [one async for one in client.iterate(getattr(client, list_page), **given)]


async def _within(client: AsyncTollgate, body: Callable[[Any], Any], given: Any) -> Any:
    async with client.reservation(**given) as hold:
        return body(hold)


def connect(kind: str, **options: Any) -> AnyClient:
    if kind == "sync":
        return AnyClient(Tollgate(**options))
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return AnyClient(AsyncTollgate(**options), loop)


def failure(work: Callable[[], Any]) -> TollgateError:
    try:
        work()
    except TollgateError as error:
        return error
    raise AssertionError("It must fail.")


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Asks until it is so. Returns what the condition returned."""
    ends_at = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends_at, "It did not happen in time."
        time.sleep(0.02)
    return found


def becomes(read: Callable[[], Any], expected: Any, seconds: float = 30) -> bool:
    """Reads until it is what is expected: a verification is counted after it is answered. Says what was read last."""
    ends_at = time.monotonic() + seconds
    while (found := read()) != expected:
        assert time.monotonic() < ends_at, f"It stayed {found!r} and did not become {expected!r}."
        time.sleep(0.05)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        listener = self.server.note(Seen(self.command, self.path, dict(self.headers), body))
        try:
            listener(self)
        except OSError:  # the client has left
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        pass


Listener = Callable[[Handler], None]


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def idempotency_key(self) -> str | None:
        return self.headers.get("Idempotency-Key")


class Server(ThreadingHTTPServer):
    """Answers the n-th request by the n-th listener, and all later ones by the last."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listeners: Sequence[Listener]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.listeners = listeners
        self.requests: list[Seen] = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def connect(self, kind: str, **options: Any) -> AnyClient:
        known = {"base_url": self.base_url, "service_key": "svc_test", "timeout": 10, "verify_timeout": 10}
        return connect(kind, **{**known, **options})

    def note(self, seen: Seen) -> Listener:
        with self._lock:
            self.requests.append(seen)
            return self.listeners[min(len(self.requests), len(self.listeners)) - 1]

    def close(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()


def text(status: int, content_type: str, body: str, headers: dict[str, str] | None = None) -> Listener:
    def answer(handler: Handler) -> None:
        content = body.encode()
        handler.send_response(status)
        for name, value in {"Content-Type": content_type, **(headers or {})}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def answer_json(status: int, body: Any, headers: dict[str, str] | None = None) -> Listener:
    return text(status, "application/json", json.dumps(body), headers)


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> Listener:
    body = {"code": code, "status": status, "title": code, "detail": f"It is {code}.", "request_id": "r1"}
    return answer_json(status, body, headers)


def silent(handler: Handler) -> None:
    handler.server.ended.wait()


def cut(handler: Handler) -> None:
    _begin(handler, length=100)
    handler.wfile.write(b'{"valid": true, ')
    handler.close_connection = True


def stalled(handler: Handler) -> None:
    _begin(handler, length=100)
    handler.wfile.write(b'{"valid": true, ')
    handler.server.ended.wait()


def dripping(handler: Handler) -> None:
    """Each byte comes in time, the whole never does."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not handler.server.ended.wait(0.02):
        handler.wfile.write(b"x")


def _begin(handler: Handler, length: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


VALID = answer_json(200, {"valid": True, "code": "VALID", "status": 200, "retry_after": None, "key_id": "k1"})
QUOTAS = answer_json(200, {"period": "2026-11"})
RECORDED = answer_json(200, {"accepted": 1, "duplicates": 0, "conflicts": [], "rejected": []})
