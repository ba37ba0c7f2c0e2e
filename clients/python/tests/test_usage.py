"""The queue of recorded usage: what waits, what is sent, and what is said to be lost."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import RECORDED, Server, answer_json, failure, free_port, problem, silent, wait_for

from tollgate import LostEvent, Tollgate, UsageOptions
from tollgate._queue import UsageQueue

Serve = Callable[..., Server]
PATH = os.pathsep.join([str(Path(__file__).resolve().parents[1] / "src"), *sys.path])


def collect() -> tuple[list[str], Callable[[Sequence[LostEvent]], None]]:
    """The reasons of lost events, and what takes them."""
    reasons: list[str] = []
    return reasons, lambda lost: reasons.extend(one.reason for one in lost)


def test_events_stay_in_the_queue_while_tollgate_is_away_and_are_sent_again_with_the_same_ids_and_times(
    serve: Serve, kind: str
) -> None:
    server = serve(problem(503, "unavailable"), RECORDED)
    tollgate = server.connect(kind, retries=0, usage=UsageOptions(flush_interval=60))
    tollgate.record(key_id="k", queries=1)

    assert failure(lambda: tollgate.flush()).status == 503
    tollgate.flush()
    tollgate.flush()

    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body
    assert {"id", "timestamp", "key_id", "queries"} == set(json.loads(server.requests[0].body)["events"][0])


def test_events_are_sent_without_a_flush_when_the_batch_is_full_and_after_the_interval(serve: Serve, kind: str) -> None:
    server = serve(RECORDED)
    full = server.connect(kind, usage=UsageOptions(batch_size=2, flush_interval=60))
    full.record({"key_id": "a"}, {"key_id": "b"})
    wait_for(lambda: len(server.requests) == 1)
    soon = server.connect(kind, usage=UsageOptions(flush_interval=0.01))
    soon.record(key_id="c")
    wait_for(lambda: len(server.requests) == 2)
    soon.record(key_id="d")
    wait_for(lambda: len(server.requests) == 3)


def test_an_asynchronous_client_takes_events_from_threads(serve: Serve) -> None:
    server = serve(RECORDED)
    tollgate = server.connect("async", usage=UsageOptions(batch_size=1, flush_interval=60))
    tollgate.flush()
    tollgate.client.record(key_id="a")  # outside of its loop
    wait_for(lambda: len(server.requests) == 1)


def test_a_failed_batch_is_sent_again_by_itself(serve: Serve, kind: str) -> None:
    server = serve(problem(503, "unavailable"), RECORDED)
    tollgate = server.connect(kind, retries=0, usage=UsageOptions(flush_interval=0.01))
    tollgate.record(key_id="a")
    wait_for(lambda: len(server.requests) == 2)
    assert server.requests[0].body == server.requests[1].body


def test_events_that_no_repeat_can_save_are_handed_back(serve: Serve, kind: str) -> None:
    reasons, on_lost = collect()
    options = UsageOptions(max_queued=1, flush_interval=60, on_lost=on_lost)
    tollgate = serve(problem(401, "unauthenticated")).connect(kind, usage=options)
    tollgate.record({"key_id": "a"}, {"key_id": "b"})
    tollgate.flush()
    assert reasons == ["queue_full", "unauthenticated"]


def test_events_that_the_server_rejects_one_by_one_are_handed_back_with_their_codes(serve: Serve, kind: str) -> None:
    lost: list[LostEvent] = []
    rejected = [{"index": 0, "id": "x", "code": "too_old", "detail": "Too old."}]
    answer = {"accepted": 1, "duplicates": 0, "conflicts": [{"index": 2, "id": "z"}], "rejected": rejected}
    options = UsageOptions(flush_interval=60, on_lost=lost.extend)
    tollgate = serve(answer_json(200, answer)).connect(kind, usage=options)
    tollgate.record({"id": "x"}, {"id": "y"}, {"id": "z"})
    tollgate.flush()
    assert [(one.event["id"], one.reason) for one in lost] == [("x", "too_old"), ("z", "conflict")]


def cycle() -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    metadata["itself"] = metadata
    return {"key_id": "bad", "metadata": metadata}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"key_id": "bad", "metadata": {"tags": {"a"}}}, id="a set"),
        pytest.param({"key_id": "bad", "storage_gb": float("nan")}, id="NaN"),
        pytest.param(cycle(), id="a cycle"),
        pytest.param(None, id="nothing at all"),
    ],
)
def test_an_event_that_json_cannot_hold_is_handed_back_and_those_around_it_are_sent(
    serve: Serve, kind: str, bad: Any
) -> None:
    lost: list[LostEvent] = []
    server = serve(RECORDED)
    tollgate = server.connect(kind, usage=UsageOptions(flush_interval=0.01, on_lost=lost.extend))
    tollgate.record({"key_id": "a"}, bad, {"key_id": "b"})
    wait_for(lambda: len(server.requests) == 1)
    tollgate.record(key_id="c")
    wait_for(lambda: len(server.requests) == 2)
    sent = [event["key_id"] for seen in server.requests for event in json.loads(seen.body)["events"]]
    assert sent == ["a", "b", "c"]
    assert [(one.event is bad, one.reason) for one in lost] == [(True, "rejected")]


def test_what_is_changed_after_it_was_recorded_is_sent_as_it_was(serve: Serve, kind: str) -> None:
    server = serve(RECORDED)
    tollgate = server.connect(kind, usage=UsageOptions(flush_interval=60))
    metadata: dict[str, Any] = {"page": 1}
    tollgate.record(key_id="a", metadata=metadata)
    metadata["page"] = {"a", "set"}
    tollgate.flush()
    assert json.loads(server.requests[0].body)["events"][0]["metadata"] == {"page": 1}


def test_what_nobody_asks_for_is_logged(serve: Serve, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    tollgate = serve(problem(400, "invalid_request")).connect(kind, usage=UsageOptions(flush_interval=60))
    tollgate.record(key_id="a")
    with caplog.at_level(logging.WARNING, "tollgate"):
        tollgate.flush()
    assert caplog.messages == ["1 usage events were not counted: invalid_request"]


def test_a_failing_on_lost_does_not_end_the_sending(serve: Serve, kind: str) -> None:
    def fail(_: Sequence[LostEvent]) -> None:
        raise ValueError("The log is full.")

    server = serve(problem(400, "invalid_request"), RECORDED)
    tollgate = server.connect(kind, usage=UsageOptions(batch_size=1, flush_interval=0.01, on_lost=fail))
    tollgate.record({"key_id": "a"}, {"key_id": "b"})
    wait_for(lambda: len(server.requests) == 2)


def test_a_batch_stays_under_the_megabyte_that_the_server_takes_and_a_larger_event_goes_alone(
    serve: Serve, kind: str
) -> None:
    server = serve(RECORDED)
    tollgate = server.connect(kind, usage=UsageOptions(batch_size=1000, flush_interval=60))
    tollgate.record(*({"key_id": "a", "endpoint": "ü" * 40_000} for _ in range(40)))
    tollgate.flush()
    assert len(server.requests) > 1
    assert max(len(seen.body.encode()) for seen in server.requests) < 1_000_000
    assert sum(len(json.loads(seen.body)["events"]) for seen in server.requests) == 40


def test_closing_sends_what_waits_and_says_what_was_not_taken(serve: Serve, kind: str) -> None:
    server = serve(RECORDED)
    tollgate = server.connect(kind, usage=UsageOptions(flush_interval=60))
    tollgate.record(key_id="a")
    tollgate.close()
    assert len(server.requests) == 1

    reasons, on_lost = collect()
    options = UsageOptions(flush_interval=60, on_lost=on_lost)
    away = serve(silent).connect(kind, timeout=0.2, retries=0, usage=options)
    away.record({"key_id": "a"}, {"key_id": "b"})
    away.close()
    assert reasons == ["closed", "closed"]
    away.client.record(key_id="c")
    assert reasons == ["closed", "closed", "closed"]


def test_a_batch_on_its_way_is_handed_back_once_when_the_client_closes() -> None:
    reasons, on_lost = collect()
    queue = UsageQueue(UsageOptions(on_lost=on_lost))
    queue.add([{"key_id": "a"}, {"key_id": "b"}])
    batch = queue.take_batch()
    queue.close()
    assert reasons == ["closed", "closed"]
    queue.put_back(batch)
    queue.close()
    assert (queue.is_empty, reasons) == (True, ["closed", "closed"])


def run(program: str, base_url: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": PATH, "BASE_URL": base_url}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


ENDS_AT_ONCE = """
import asyncio, os
from tollgate import AsyncTollgate, Tollgate, UsageOptions
options = {"base_url": os.environ["BASE_URL"], "service_key": "svc", "retries": 0}
options["usage"] = UsageOptions(flush_interval=60)
"""


def test_a_program_that_ends_sends_what_waits(serve: Serve) -> None:
    server = serve(RECORDED)
    ended = run(f"{ENDS_AT_ONCE}\nTollgate(**options).record(key_id='a')", server.base_url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(server.requests) == 1


def test_a_program_that_ends_says_what_was_not_taken(serve: Serve, kind: str) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    name = {"sync": "Tollgate", "async": "AsyncTollgate"}[kind]
    ended = run(f"{ENDS_AT_ONCE}\ntollgate = {name}(**options)\ntollgate.record(key_id='a')", away)
    assert (ended.returncode, ended.stderr) == (0, "1 usage events were not counted: closed\n")


def test_a_program_ends_although_tollgate_does_not_answer(serve: Serve) -> None:
    ended = run(f"{ENDS_AT_ONCE}\ntollgate = Tollgate(**options)\ntollgate.record(key_id='a')", serve(silent).base_url)
    assert (ended.returncode, ended.stderr) == (0, "1 usage events were not counted: closed\n")


def test_a_program_that_ends_says_what_was_on_its_way(serve: Serve) -> None:
    server = serve(silent)
    program = f"""{ENDS_AT_ONCE}
import sys
options["usage"] = UsageOptions(batch_size=1)
tollgate = Tollgate(**options)
tollgate.record(key_id='a')
sys.stdin.readline()
"""
    environment = {**os.environ, "PYTHONPATH": PATH, "BASE_URL": server.base_url}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: server.requests)
    assert process.communicate("\n", timeout=60) == ("", "1 usage events were not counted: closed\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork.")
def test_a_fork_uses_connections_of_its_own_and_sends_only_what_it_recorded(serve: Serve) -> None:
    server = serve(RECORDED)
    tollgate = Tollgate(base_url=server.base_url, service_key="svc", usage=UsageOptions(flush_interval=60))
    tollgate.record(key_id="before")
    child = os.fork()
    if child == 0:
        try:
            tollgate.record(key_id="child")
            tollgate.flush()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tollgate.flush()
    sent = [event["key_id"] for seen in server.requests for event in json.loads(seen.body)["events"]]
    assert sorted(sent) == ["before", "child"]
