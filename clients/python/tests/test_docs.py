"""The code of the documentation runs as it stands; only addresses and keys are those of the tests."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support import Customer, World, free_port, wait_for

from tollgate import Tollgate

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "clients/python/README.md"
GUIDE = ROOT / "docs/guides/protect-fastapi.md"
EXAMPLE = ROOT / "examples/fastapi-app"
SOURCE = ROOT / "clients/python/src"


def read_blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def fill_in(text: str, world: World, customer: Customer, port: int = 8010) -> str:
    real = {
        "https://tollgate.example.com": world.base_url,
        "http://localhost:8000": world.base_url,
        "http://localhost:8010": f"http://127.0.0.1:{port}",
        "--port 8010": f"--port {port}",
        "svc_live_…": world.service_key,
        "ck_live_…": customer.key,
        "pk_test_…": customer.key,
        "customer-42": customer.external_id,
        "0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35": customer.key_id,
    }
    for written, used in real.items():
        text = text.replace(written, used)
    assert "…" not in text, text
    return text


@pytest.mark.parametrize("at", range(len(read_blocks(README, "python"))))
def test_every_code_block_of_the_readme_runs_alone_and_complains_of_nothing(
    world: World, customer: Customer, at: int
) -> None:
    code = fill_in(read_blocks(README, "python")[at], world, customer)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", code]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), code


def test_the_readme_has_code_of_every_module_and_in_no_other_form() -> None:
    text = README.read_text()
    assert len(read_blocks(README, "python")) > 5
    assert set(re.findall(r"^```(\w+)", text, re.MULTILINE)) == {"python", "sh"}
    for module in ("tollgate", "tollgate.fastapi", "tollgate.webhooks"):
        assert f"from {module} import" in text


@contextmanager
def running(command: str, port: int, folder: Path, **environment: str) -> Iterator[None]:
    """Runs a documented line until its server answers, and stops it afterwards."""
    line = command.strip().replace("python3", shlex.quote(sys.executable), 1)
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["sh", "-c", f"exec env {line}"],
            cwd=folder if environment.get("PYTHONPATH") else ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: process.poll() is not None or _answers(port), seconds=60)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(60)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/openapi.json").is_success
    except httpx.TransportError:
        return False


def warm_up(world: World, customer: Customer) -> None:
    """The first verification of a key is the slowest, and documented clients wait for two seconds. It takes nothing."""
    with Tollgate(base_url=world.base_url, service_key=world.service_key, verify_timeout=60) as tollgate:
        assert tollgate.verify_key(key=customer.key, cost=0).valid


def obey(line: str) -> httpx.Response:
    """Sends what a documented line of curl would send."""
    words = shlex.split(line)
    assert words[0] == "curl", line
    url = next(word for word in words if word.startswith("http"))
    given = [word for word in words[1:] if word not in ("-i", "-H", url)]
    headers = dict(header.split(": ", 1) for header in given)
    return httpx.get(url, headers=headers, timeout=60)


def test_the_guide_leads_from_nothing_to_a_refused_and_an_accepted_call(
    world: World, customer: Customer, tmp_path: Path
) -> None:
    port = free_port()
    (app,) = read_blocks(GUIDE, "python")
    start, *calls = (fill_in(block, world, customer, port) for block in read_blocks(GUIDE, "sh"))
    warm_up(world, customer)
    (tmp_path / "app.py").write_text(fill_in(app, world, customer, port))
    shown = re.findall(r"^```\n(HTTP.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    with running(start, port, tmp_path, PYTHONPATH=str(SOURCE)):
        refused, accepted, quotas = (obey(call) for call in calls)
    assert _describe(refused) == _parse(shown[0])
    status, names, body = _parse(shown[1])
    assert (status, names, {**body, "plan": "builder"}) == _describe(accepted)
    assert quotas.json()["meters"]["api_calls"]["used"] == 1


def _parse(shown: str) -> tuple[int, set[str], object]:
    head, _, body = shown.partition("\n\n")
    status, *headers = head.split("\n")
    return int(status.split()[1]), {header.split(":")[0] for header in headers}, json.loads(body)


def _describe(answer: httpx.Response) -> tuple[int, set[str], object]:
    names = {name.lower() for name in answer.headers} - {"date", "server", "content-length"}
    return answer.status_code, names, answer.json()


def test_the_example_starts_by_the_line_of_its_readme_and_refuses_and_answers(
    world: World, customer: Customer, tmp_path: Path
) -> None:
    port = free_port()
    start, calls = (fill_in(block, world, customer, port) for block in read_blocks(EXAMPLE / "README.md", "sh"))
    warm_up(world, customer)
    given = {"TOLLGATE_URL": world.base_url, "TOLLGATE_SERVICE_KEY": world.service_key}
    with running(start, port, tmp_path, **given):
        refused, accepted = (obey(call) for call in calls.strip().split("\n"))
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert (accepted.status_code, accepted.json()["id"]) == (200, "42")
