"""What happens around the handler of a verified request, as ASGI middleware. Knows no framework."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from ._async_client import AsyncTollgate
from ._errors import TollgateError
from ._protect import KeyContext

if TYPE_CHECKING:
    from ._client import Tollgate

PASSAGES = "tollgate.passages"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class KeyMiddleware:
    """Adds the headers of the verdict to the answer, and reports the request once the answer has left.

    What verifies keys puts a KeyContext into the list `scope["tollgate.passages"]`. At the end of the program's life
    (ASGI lifespan) recorded usage is sent.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self._clients: set[Tollgate | AsyncTollgate] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, self._flush_before_end(send))
        elif PASSAGES in scope:
            await self.app(scope, receive, send)
        else:
            passages: list[KeyContext] = []
            scope[PASSAGES] = passages
            answer = _Answer(passages, receive, send)
            try:
                await self.app(scope, answer.receive, answer.send)
            finally:
                answer.report()
                self._clients.update(passage.client for passage in passages)
                for client in {passage.client for passage in passages if passage.is_urgent}:
                    await flush(client)

    def _flush_before_end(self, send: Send) -> Send:
        async def flush_before_end(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                for client in self._clients:
                    await flush(client)
            await send(message)

        return flush_before_end


_CALLER_GONE = 499  # before the answer was sent, as nginx and the gateway name it


class _Answer:
    def __init__(self, passages: list[KeyContext], receive: Receive, send: Send) -> None:
        self._passages = passages
        self._receive = receive
        self._send = send
        self._status = 500  # of a handler that raises
        self._is_reported = False
        self._is_caller_gone = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_caller_gone = True  # after the answer it changes nothing: that is reported
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._status = 101
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message = {**message, "headers": self._add_headers(list(message.get("headers", ())))}
        try:
            await self._send(message)
        except OSError:  # as newer servers say that the caller has left
            self._is_caller_gone = True
            raise
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.report()  # before background tasks, which are not part of the answer's time

    def _add_headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        known = {name.lower() for name, _ in headers}
        added = {
            name.lower().encode("latin-1"): value.encode("latin-1")
            for passage in self._passages
            for name, value in passage.verdict.headers.items()
        }
        return headers + [(name, value) for name, value in added.items() if name not in known]

    def report(self) -> None:
        if self._is_reported:
            return
        self._is_reported = True
        for passage in self._passages:
            passage.report(_CALLER_GONE if self._is_caller_gone else self._status)


async def flush(client: Tollgate | AsyncTollgate) -> None:
    try:
        if isinstance(client, AsyncTollgate):
            await client.flush()
        else:
            await asyncio.to_thread(client.flush)
    except TollgateError:
        pass  # the client says what was lost when it closes
