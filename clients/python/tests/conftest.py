"""One Tollgate for all tests: the one at TOLLGATE_URL, or a local stack that lives as long as they run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import AnyClient, Customer, Listener, Server, World, connect, free_port, make_customer, wait_for

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 180


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    given = os.environ.get("TOLLGATE_URL")
    if given:
        login = {"email": os.environ["TOLLGATE_ADMIN_EMAIL"], "password": os.environ["TOLLGATE_ADMIN_PASSWORD"]}
        yield _open_world(given, login)
        return
    with tempfile.TemporaryDirectory(prefix="tollgate-python-", ignore_cleanup_errors=True) as folder:
        process = _start(folder)
        try:
            credentials = json.loads(Path(folder, "credentials.json").read_text())
            yield _open_world(credentials["base_url"], credentials["admin"])
        finally:
            _stop(process)


def _start(folder: str) -> subprocess.Popen[bytes]:
    """Returns when the stack has said that it is ready."""
    port, local_port = free_port(), free_port()
    programs = ROOT / "node_modules" / ".bin"
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    environment |= {"PORT": str(port), "LOCAL_PORT": str(local_port), "TOLLGATE_LOCAL_DIR": folder}
    environment["PATH"] = f"{programs}{os.pathsep}{environment.get('PATH', '')}"
    command = [str(programs / "node"), "--import", "./local/require-node.mjs", "local/dev.ts"]
    output = Path(folder, "output.txt")
    with output.open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for(lambda: "Ctrl-C" in output.read_text() or process.poll() is not None, seconds=START_SECONDS)
        assert process.poll() is None, f"npm run dev did not start:\n{output.read_text()}"
    except BaseException:
        _stop(process)
        raise
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        process.wait(60)


def _open_world(base_url: str, login: dict[str, str]) -> World:
    """An administrator makes service keys."""
    with httpx.Client(base_url=f"{base_url}/api/v1", timeout=60) as http:
        token = http.post("/auth/login", json=login).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        keys = [_make_key(http, scopes) for scopes in (["platform:*"], ["platform:verify", "platform:usage"])]
    return World(base_url, *keys)


def _make_key(http: httpx.Client, scopes: list[str]) -> str:
    answer = http.post("/admin/service-keys", json={"name": "Python client", "scopes": scopes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Every test that takes it runs with both clients."""
    return str(request.param)


@pytest.fixture
def tollgate(world: World, kind: str) -> Iterator[AnyClient]:
    client = connect(kind, base_url=world.base_url, service_key=world.service_key, timeout=60, verify_timeout=60)
    yield client
    client.close()


@pytest.fixture
def customer(world: World) -> Customer:
    return make_customer(world)


@pytest.fixture
def serve() -> Iterator[Any]:
    """Starts servers that answer as they are told: `serve(listener, listener)`."""
    servers: list[Server] = []

    def start(*listeners: Listener) -> Server:
        servers.append(Server(listeners))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
