"""What `pip install` puts into place."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]


def build(folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(folder),
    ]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([*command, str(PACKAGE)], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None or importlib.util.find_spec("pip") is None,
    reason="Building the package needs pip and hatchling.",
)
def test_the_wheel_has_the_types_the_license_and_httpx_alone_and_works_without_its_sources(tmp_path: Path) -> None:
    wheel = build(tmp_path / "dist")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert wheel.name.startswith("tollgate-")
    assert "tollgate/py.typed" in names
    assert any(name.lower().endswith("license") for name in names)
    assert not any(name.startswith("tests") for name in names)
    required = [line for line in metadata.split("\n") if line.startswith("Requires-Dist:") and "extra" not in line]
    assert [line.split()[1].split("<")[0] for line in required] == ["httpx"]

    program = "import tollgate, tollgate.fastapi, tollgate.webhooks; print(tollgate.__file__, tollgate.__version__)"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    where, version = ended.stdout.split()
    assert where.startswith(str(installed))
    assert f"Version: {version}\n" in metadata
    assert json.loads((PACKAGE.parents[1] / "package.json").read_text())["version"] == version


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="Checking the types needs mypy.")
def test_the_types_hold_with_strict_and_know_which_keywords_there_are(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        """from tollgate import Tollgate

tollgate = Tollgate(base_url="https://tollgate.example.com", service_key="svc")
verdict = tollgate.verify_key(key="k")
organization: str = verdict.organization_id
tollgate.verify_key(kee="k")
tollgate.call("GET /quotaz")
tollgate.create_role(nmae="r")
for member in tollgate.iterate(tollgate.list_members, external_id="c"):
    print(member.emial)
"""
    )
    assert check_types() == []
    assert check_types(wrong) == [5, 6, 7, 8, 10]


def check_types(*files: Path) -> list[int]:
    """The lines that mypy complains of."""
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", "--cache-dir", os.devnull]
    given = [str(file) for file in files]
    said = subprocess.run([*command, *given], cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert said.returncode in (0, 1), said.stderr + said.stdout
    return sorted({int(line.split(":")[1]) for line in said.stdout.splitlines() if ": error:" in line})
