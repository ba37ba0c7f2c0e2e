"""Sends recorded usage in the background: a thread that lives while events wait."""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event, Lock, Thread
from typing import Any

from ._errors import TollgateError
from ._generated import RecordedUsage
from ._queue import UsageOptions, UsageQueue

_EXIT_SECONDS = 2.0

# Sends a batch within some seconds, or within the client's timeout.
Send = Callable[[Sequence[Mapping[str, Any]], "float | None"], RecordedUsage]


class Recorder:
    """Collects usage events and sends them in batches, one at a time, until each was acknowledged or refused."""

    def __init__(self, send: Send, options: UsageOptions) -> None:
        self._send = send
        self._options = options
        self._begin()
        _open.add(self)

    def _begin(self) -> None:
        self._queue = UsageQueue(self._options)
        self._starting = Lock()
        self._sending = Lock()
        self._ready = Event()
        self._thread: Thread | None = None

    def record(self, events: Iterable[Mapping[str, Any]]) -> None:
        self._queue.add(events)
        if self._queue.is_full:
            self._ready.set()
        with self._starting:
            if self._thread is None and not self._queue.is_empty:
                self._thread = Thread(target=self._run, name="tollgate-usage", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Raises a TollgateError when Tollgate is unavailable; the events stay in the queue."""
        with self._sending:
            while batch := self._queue.take_batch():
                self._send_batch(batch, None)

    def close(self, timeout: float) -> None:
        """Sends what waits, for `timeout` seconds at most, and says what was not taken."""
        ends_at = time.monotonic() + timeout
        if self._sending.acquire(timeout=timeout):  # else another thread still waits for an answer
            try:
                self._drain(ends_at)
            except TollgateError:
                pass  # what was not taken is still in the queue
            finally:
                self._sending.release()
        self._queue.close()

    def _drain(self, ends_at: float) -> None:
        while (left := ends_at - time.monotonic()) > 0 and (batch := self._queue.take_batch()):
            self._send_batch(batch, left)

    def _send_batch(self, batch: list[dict[str, Any]], timeout: float | None) -> None:
        try:
            outcome = self._send(batch, timeout)
        except TollgateError as error:
            self._queue.fail(batch, error)
        except BaseException:
            self._queue.put_back(batch)
            raise
        else:
            self._queue.settle(batch, outcome)

    def _run(self) -> None:
        while True:
            self._ready.wait(self._queue.wait_seconds)
            self._ready.clear()
            try:
                self.flush()
            except TollgateError:
                pass  # its events wait for the next time
            with self._starting:
                if self._queue.is_empty:
                    self._thread = None
                    return

    def forget(self) -> None:
        """After a fork: the parent sends what it recorded, and its threads and locks are not here."""
        self._begin()


_open: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _close_all() -> None:
    for recorder in list(_open):
        recorder.close(_EXIT_SECONDS)


def _forget_all() -> None:
    for recorder in list(_open):
        recorder.forget()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_all)
