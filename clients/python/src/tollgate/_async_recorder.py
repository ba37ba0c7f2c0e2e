"""Sends recorded usage in the background: a task that lives while events wait."""

from __future__ import annotations

import asyncio
import atexit
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from ._errors import TollgateError
from ._generated import RecordedUsage
from ._queue import UsageOptions, UsageQueue

# Sends a batch within some seconds, or within the client's timeout.
Send = Callable[[Sequence[Mapping[str, Any]], "float | None"], Awaitable[RecordedUsage]]


class AsyncRecorder:
    """As `Recorder`, on the event loop that first recorded or flushed."""

    def __init__(self, send: Send, options: UsageOptions) -> None:
        self._send = send
        self._queue = UsageQueue(options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None
        _open.add(self)

    def record(self, events: Iterable[Mapping[str, Any]]) -> None:
        """May be called from a thread. Without a loop, events wait for the first one that flushes or records."""
        self._queue.add(events)
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._start)
        else:
            self._start()

    def _start(self) -> None:
        if self._queue.is_full:
            self._ready.set()
        if (self._task is None or self._task.done()) and not self._queue.is_empty:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while not self._queue.is_empty:
            try:
                await asyncio.wait_for(self._ready.wait(), self._queue.wait_seconds)
            except asyncio.TimeoutError:
                pass
            self._ready.clear()
            try:
                await self.flush()
            except TollgateError:
                pass  # its events wait for the next time

    async def flush(self) -> None:
        """Raises a TollgateError when Tollgate is unavailable; the events stay in the queue."""
        self._loop = asyncio.get_running_loop()
        if self._flushing is None or self._flushing.done():
            self._flushing = self._loop.create_task(self._drain())
        await asyncio.shield(self._flushing)  # others may wait for it as well

    async def _drain(self) -> None:
        while batch := self._queue.take_batch():
            try:
                outcome = await self._send(batch, None)
            except TollgateError as error:
                self._queue.fail(batch, error)
            except BaseException:
                self._queue.put_back(batch)
                raise
            else:
                self._queue.settle(batch, outcome)

    async def close(self, timeout: float) -> None:
        """Sends what waits, for `timeout` seconds at most, and says what was not taken."""
        try:
            await asyncio.wait_for(self.flush(), timeout)
        except (TollgateError, asyncio.TimeoutError):
            pass  # what was not taken is still in the queue
        running = [task for task in (self._task, self._flushing) if task is not None and not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self.lose_rest()

    def lose_rest(self) -> None:
        self._queue.close()


_open: weakref.WeakSet[AsyncRecorder] = weakref.WeakSet()


def _lose_all() -> None:
    """No loop runs any more at the end of a program, so nothing can be sent."""
    for recorder in list(_open):
        recorder.lose_rest()


atexit.register(_lose_all)
