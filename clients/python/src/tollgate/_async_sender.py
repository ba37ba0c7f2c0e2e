"""As _sender.py, with coroutines."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import httpx

from ._answers import Reply, read_reply
from ._calls import Call, add_idempotency_key, encode_body
from ._deadline import await_within
from ._errors import TollgateError
from ._observe import Watch
from ._options import ClientOptions
from ._retries import may_repeat, timed_out, to_tollgate_error, wait_seconds


class AsyncSender:
    """Owns its connections, unless it was given a client of httpx."""

    def __init__(
        self,
        options: ClientOptions[Any],
        transport: httpx.AsyncBaseTransport | None,
        http_client: httpx.AsyncClient | None,
    ) -> None:
        if transport is not None and http_client is not None:
            raise ValueError("Give a transport or an http_client, not both.")
        self._options = options
        self._transport = transport
        self._given = http_client
        self._connect()

    def _connect(self) -> None:
        self._http = httpx.AsyncClient(transport=self._transport) if self._given is None else self._given
        self._process = os.getpid()

    async def perform(self, call: Call, timeout: float | None) -> Reply:
        """Raises a TollgateError, and takes no longer than the timeout."""
        options = self._options
        seconds = options.timeout if timeout is None else timeout
        ready = encode_body(options.trace(add_idempotency_key(call)))
        watch = Watch(ready, options.on_request, options.on_response)
        return await await_within(
            seconds, self._repeat(ready, seconds, watch), lambda: watch.fail(timed_out(seconds))
        )

    async def _repeat(self, call: Call, seconds: float, watch: Watch) -> Reply:
        ends_at = time.monotonic() + seconds
        attempts = 0
        while True:
            watch.begin()
            try:
                reply = await self._send(call, ends_at - time.monotonic())
                watch.end(reply.status)
                return reply
            except (httpx.HTTPError, httpx.InvalidURL, TollgateError) as error:
                failure = watch.fail(to_tollgate_error(error, seconds))
            finally:
                watch.end()  # of what is no failure of HTTP, and of a cancellation
            wait = wait_seconds(failure, attempts)
            is_final = attempts >= self._options.retries or time.monotonic() + wait >= ends_at
            if is_final or not may_repeat(call, failure):
                raise failure
            await asyncio.sleep(wait)
            attempts += 1

    async def _send(self, call: Call, seconds: float) -> Reply:
        if self._process != os.getpid():
            self._connect()  # a fork must not share its parent's connections
        return read_reply(await self._http.request(**self._options.request_options(call, seconds)))

    async def close(self) -> None:
        if self._given is None:
            await self._http.aclose()
