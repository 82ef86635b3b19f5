"""Fixtures: a fake GPU library, compiled here, and a real Slurm cluster for each way to track
processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.slurm import SlurmCluster, has_cgroup_v1, missing_programs

if TYPE_CHECKING:
    from tests.support.browser import Browser


def need(missing: list[str], what: str) -> None:
    """Say what a test lacks: in CI that is a failure, elsewhere the test is skipped."""
    if not missing:
        return
    message = f"{what} needs {', '.join(missing)}; `make test` installs it as root on Debian"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a libnvidia-ml.so.1 whose GPUs' energy is known exactly."""
    need([name for name in ("cc",) if shutil.which(name) is None], "the fake GPU library")
    folder = tmp_path_factory.mktemp("nvml")
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror",
         "-Wl,-soname,libnvidia-ml.so.1", "-o", str(folder / "libnvidia-ml.so.1"),
         str(Path(__file__).parent / "fakes/nvml.c"), "-lm"],
        check=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a headless Chromium; pages are opened one after the other."""
    from tests.support import browser  # Selenium, of which most tests know nothing

    need(browser.missing_programs(), "the report's browser tests")
    with browser.browser() as running:
        yield running


@pytest.fixture(scope="session", params=["linuxproc", "cgroup"])
def cluster(request: pytest.FixtureRequest) -> Iterator[SlurmCluster]:
    """Return a running four-node cluster that tracks processes one way or the other."""
    missing = missing_programs()
    if request.param == "cgroup" and not has_cgroup_v1():
        missing.append("control groups of version 1")
    need(missing, "the test cluster")
    root = Path(tempfile.mkdtemp(prefix="ypc"))
    root.chmod(0o755)
    running = SlurmCluster(root, request.param)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(root, ignore_errors=True)
