"""Ends a call in time, whatever it waits for."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout  # another class before Python 3.11
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_within(seconds: float, work: Callable[[], Result], late: Callable[[], Exception]) -> Result:
    """Runs the work in a thread of its own and raises `late()` if it takes longer.

    httpx bounds each read and not their sum: a server that sends a byte now and then would hold a call forever.
    """
    future: Future[Result] = Future()
    context = contextvars.copy_context()  # tracing follows a call by its context

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:
            future.set_exception(error)

    try:
        Thread(target=run, name="tollgate-call", daemon=True).start()
    except RuntimeError:  # no threads at the end of the interpreter
        return work()
    error = _await_error(future, seconds, late)
    if error is not None:
        raise error
    return future.result()


def _await_error(future: Future[Result], seconds: float, late: Callable[[], Exception]) -> BaseException | None:
    try:
        return future.exception(timeout=seconds)
    except FutureTimeout:
        return late()


async def await_within(seconds: float, work: Coroutine[Any, Any, Result], late: Callable[[], Exception]) -> Result:
    """Runs the work as a task and raises `late()` if it takes longer, without waiting until the task has ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_take_error)
    if not task.done():
        raise late()
    return task.result()


def _take_error(task: asyncio.Task[Any]) -> None:
    """Nobody waits for it any more, so nobody is to be warned of it."""
    if not task.cancelled():
        task.exception()
