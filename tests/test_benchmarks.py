"""The page of figures shows what was measured, and can be made again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.probe import Running, cost, cpu_s, wait_until
from tests.support.commands import REPOSITORY, environment

PAGE = REPOSITORY / "docs/benchmarks.md"


def test_the_tables_are_made_of_the_raw_numbers_beside_them() -> None:
    raw = json.loads(PAGE.with_suffix(".json").read_text())
    assert page.update(PAGE.read_text(), raw) == PAGE.read_text()
    assert page.as_json(raw) == PAGE.with_suffix(".json").read_text()
    assert not [section for section, results in raw.items() if results["quick"]]


def test_a_peer_that_does_better_is_named_below_the_table() -> None:
    def case(wall_ms: float) -> dict[str, list[float]]:
        return {"until_ms": [9.0], "wall_ms": [wall_ms], "cpu_ms": [1.0]}

    facts = {"machine": "m", "date": "d", "load_before": 0.1, "rounds": 1, "versions": {}}
    cases = {"bare": case(1), "yprov-run": case(100), "swift": case(50), "slow": case(200)}
    raw = {"startup": {**facts, "quick": False, "cases": cases}}
    text = page.update("<!-- startup -->\nold\n<!-- /startup -->", raw)
    assert "The whole is quicker with: swift (0.50 of ours)." in text
    assert "The program starts sooner with: none." in text
    assert "old" not in text


def test_a_round_of_the_benchmark_gives_a_page(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    target.write_text("before\n<!-- startup -->\n<!-- /startup -->\nafter\n")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--page", str(target), "startup"],
        cwd=REPOSITORY, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    raw = json.loads(target.with_suffix(".json").read_text())
    assert {"bare", "yprov-run", "yprov-run --no-merge"} <= raw["startup"]["cases"].keys()
    assert all(len(case["wall_ms"]) == 3 for case in raw["startup"]["cases"].values())
    assert "A quick run, not to be trusted." in target.read_text()


@pytest.mark.parametrize("words", ["exec sh -c 'exit 3'", "sh -c 'exit 3'"])
def test_a_cost_comes_with_the_exit_status(words: str, tmp_path: Path) -> None:
    assert cost(["sh", "-c", words], tmp_path, environment()).status == 3


def test_the_cost_of_an_orphan_counts(tmp_path: Path) -> None:
    """As our agent is one: it is nobody's child whose parent waits for it."""
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    words = ["sh", "-c", f'"{sys.executable}" -S -c "{burn}" & exit 0']
    assert cost(words, tmp_path, environment()).cpu_s >= 0.2


def test_what_still_runs_is_counted_and_killed(tmp_path: Path) -> None:
    loop = "while :; do :; done"
    running = Running(["sh", "-c", f"({loop}) & ({loop}) & wait"], tmp_path, environment())
    try:
        assert wait_until(lambda: len(running.below()) == 3, 30)
        before = cpu_s(running.below())
        assert wait_until(lambda: cpu_s(running.below()) > before + 0.05, 30)
    finally:
        running.kill()
    assert running.cost().status == -9
