"""Advice: every rule has a job that triggers it and one just below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commands import REPOSITORY, run
from tests.support.records import Load, Shape, training, write_record
from yprov_run.config import ADVICE
from yprov_run.kinds import scheduler
from yprov_run.merge.read import read_job
from yprov_run.model import Captured, Job
from yprov_run.report.advice import MOST_LINES, RULES, advise
from yprov_run.report.asked import memory_asked_b, time_limit_s


def _advice(base: Path, shape: Shape, limits: Mapping[str, float] | None = None) -> list[str]:
    return advise(read_job(write_record(base, shape)), limits)


def used(*shares: float) -> Load:
    """Return GPUs used to fixed shares, by their index."""
    return lambda node, gpu, time_s: (300.0, shares[gpu % len(shares)], 20.0)


def node_used(shares: Mapping[int, float], otherwise: float) -> Load:
    """Return nodes whose GPUs are used to fixed shares."""
    return lambda node, gpu, time_s: (300.0, shares.get(node, otherwise), 20.0)


def held_back(percent: int) -> Callable[[int, int, float], int]:
    """Return one GPU that heat holds back for the first seconds of a hundred."""
    return lambda node, gpu, time_s: 0x20 if (node, gpu) == (1, 1) and time_s <= percent else 0


PLAIN = Shape(seconds=100, nodes=4, gpus=2, load=used(0.8))
_CLOCK = {"SLURM_JOB_START_TIME": "1795233600"}

# rule: (a job that triggers it, what the line says, a job just below)
CASES: dict[str, tuple[Shape, str, Shape]] = {
    "no GPU used": (
        replace(PLAIN, load=used(0.01)),
        "all 8 GPUs stood idle",
        replace(PLAIN, load=used(0.03)),
    ),
    "idle GPUs": (
        replace(PLAIN, load=used(0.8, 0.01)),
        "4 of 8 GPUs stood idle: ask for fewer, or use node0000 GPU 1, node0001 GPU 1",
        replace(PLAIN, load=used(0.8, 0.03)),
    ),
    "data loading": (
        replace(PLAIN, load=used(0.39), cpu=lambda node, time_s: 0.61),
        "GPUs 39% used while CPUs are 61% busy",
        replace(PLAIN, load=used(0.39), cpu=lambda node, time_s: 0.59),
    ),
    "imbalance": (
        replace(PLAIN, load=node_used({2: 0.5}, 0.8)),
        "uneven work: node0002 50% used, the median node 80%",
        replace(PLAIN, load=node_used({2: 0.61}, 0.8)),
    ),
    "stragglers": (
        replace(PLAIN, ends_late_s={3: 11.0}),
        "stragglers: node0003 ended up to 11.0 s after the median of the nodes, which waited: "
        "look at what differs there",
        replace(PLAIN, ends_late_s={3: 9.0}),
    ),
    "throttling": (
        replace(PLAIN, throttle=held_back(6)),
        "node0001 GPU 1 held back by heat, for up to 6% of the time: tell the site",
        replace(PLAIN, throttle=held_back(5)),
    ),
    "memory": (
        replace(PLAIN, node_memory_gib=20, variables={"SLURM_MEM_PER_NODE": "43008"}),
        "memory: 42.0 GiB a node asked for, 20.0 GiB the node's peak: --mem=24G is enough",
        replace(PLAIN, node_memory_gib=20, variables={"SLURM_MEM_PER_NODE": "40960"}),
    ),
    "time limit": (
        replace(PLAIN, variables={**_CLOCK, "SLURM_JOB_END_TIME": "1795233820"}),
        "time limit 3:40 min, used 1:40 min: --time=3 would start sooner",
        replace(PLAIN, variables={**_CLOCK, "SLURM_JOB_END_TIME": "1795233780"}),
    ),
}


@pytest.mark.parametrize("rule", [name for name, _ in RULES])
def test_a_rule_speaks_of_the_job_that_it_is_for_and_not_of_one_just_below(
    rule: str, tmp_path: Path
) -> None:
    triggers, words, below = CASES[rule]
    (line,) = _advice(tmp_path / "triggers", triggers)
    assert words in line
    assert _advice(tmp_path / "below", below) == []


TIME_LIMIT_S = {105: 1, 106: 0}  # of a job of 100.4 s: 95.6% of its limit, and 94.7%


@pytest.mark.parametrize("limit_s", TIME_LIMIT_S)
def test_a_job_is_warned_of_its_limit_only_when_it_is_close_to_it(
    limit_s: int, tmp_path: Path
) -> None:
    end = {"SLURM_JOB_END_TIME": str(1795233600 + limit_s)}
    lines = _advice(tmp_path, replace(PLAIN, variables={**_CLOCK, **end}))
    assert ["close to being killed" in line for line in lines] == [True] * TIME_LIMIT_S[limit_s]


GENEROUS = replace(
    PLAIN,
    node_memory_gib=5,
    variables={
        **_CLOCK, "SLURM_JOB_END_TIME": "1795320000", "SLURM_MEM_PER_NODE": "512000",
    },
)  # fmt: skip


@pytest.mark.parametrize(
    "shape",
    [
        replace(GENEROUS, exit_status=1),
        replace(GENEROUS, exit_status=None, signal=15),
        replace(GENEROUS, dies_s=dict.fromkeys(range(4), 90.0), has_end=False),
    ],
    ids=["failed", "killed", "unknown"],
)
def test_what_a_job_used_that_did_not_complete_is_not_said_to_be_enough(
    shape: Shape, tmp_path: Path
) -> None:
    assert len(_advice(tmp_path / "completed", GENEROUS)) == 2
    assert _advice(tmp_path / "not", shape) == []


@pytest.mark.parametrize("limit_s", [100, 104])  # killed at it, or by what the ending says
def test_a_job_that_reached_its_limit_is_told_so(limit_s: int, tmp_path: Path) -> None:
    end = 1795233600 + limit_s
    variables = {**_CLOCK, "SLURM_JOB_END_TIME": str(end)}
    shape = replace(
        PLAIN, exit_status=None, signal=15, variables=variables, scheduler={"ends_s": end}
    )
    (line,) = _advice(tmp_path, shape)
    assert "used 1:40 min: it was reached; ask for more, or save and go on in another job" in line


WAITING = replace(PLAIN, load=used(0.39), io_wait=0.11)


@pytest.mark.parametrize(
    ("shape", "speaks"),
    [
        (WAITING, True),
        (replace(WAITING, io_wait=0.1), False),
        (replace(WAITING, load=used(0.41)), False),
        (replace(WAITING, load=used(0.41), cpu=lambda node, time_s: 0.9), False),
    ],
)
def test_low_use_while_cpus_wait_for_storage_is_told(
    shape: Shape, speaks: bool, tmp_path: Path
) -> None:
    words = "GPUs 39% used while CPUs wait 11% of the time for I/O"
    lines = _advice(tmp_path, shape)
    assert [words in line for line in lines] == ([True] if speaks else [])


@pytest.mark.parametrize(
    "shape",
    [
        replace(PLAIN, nodes=2, ends_late_s={1: 50.0}),  # who waited for whom is not to be told
        replace(PLAIN, load=node_used({0: 0.8}, 0.61)),  # a node ahead, but not far enough
        replace(PLAIN, nodes=1, load=used(0.9, 0.3)),  # of one node there is no other
    ],
)
def test_what_is_just_within_bounds_is_left_alone(shape: Shape, tmp_path: Path) -> None:
    assert _advice(tmp_path, shape) == []


def test_the_jobs_own_memory_goes_before_the_nodes(tmp_path: Path) -> None:
    shape = replace(
        PLAIN, node_memory_gib=90, job_memory_gib=10, variables={"SLURM_MEM_PER_NODE": "102400"}
    )
    (line,) = _advice(tmp_path, shape)
    assert line == (
        "memory: 100.0 GiB a node asked for, 10.0 GiB the job's peak: --mem=12G is enough"
    )


def test_one_node_that_does_all_the_work_is_named(tmp_path: Path) -> None:
    (line,) = _advice(tmp_path, replace(PLAIN, load=node_used({0: 0.9}, 0.3)))
    assert "uneven work: node0000 90% used, the median node 30%" in line


def test_a_short_or_running_job_gets_no_advice(tmp_path: Path) -> None:
    assert _advice(tmp_path / "a", replace(PLAIN, load=used(0.0), seconds=50)) == []
    running = read_job(write_record(tmp_path / "b", replace(PLAIN, load=used(0.0))))
    assert advise(replace(running, ended_ms=None)) == []


def test_a_threshold_from_the_configuration_file_holds(tmp_path: Path) -> None:
    directory = write_record(tmp_path, replace(PLAIN, load=used(0.8, 0.04)))
    (tmp_path / "yprov.yaml").write_text("advice:\n  gpu_idle_below: 0.05\n")
    text = run("yprov-merge", str(directory.path), cwd=tmp_path).stdout.decode()
    assert "advice      4 of 8 GPUs stood idle" in text
    assert "4 of 8 GPUs stood idle" in directory.report.read_text()
    spoken = [line for line in text.splitlines() if line.startswith(("advice", " "))]
    assert len(spoken) == 2
    assert all(len(line) <= 80 for line in spoken)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "advice:\n  gpu_idle: 1\n",
            "yprov.yaml:2: unknown name 'gpu_idle'; did you mean gpu_idle_below?",
        ),
        ("advice:\n  gpu_idle_below: yes\n", "yprov.yaml:2: 'gpu_idle_below' must be a number"),
        ("advice: 3\n", "yprov.yaml:1: 'advice' must be"),
    ],
)
def test_a_wrong_threshold_is_one_clear_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "yprov.yaml").write_text(text)
    done = run("yprov-run", "true", cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_five_lines_are_the_most(tmp_path: Path) -> None:
    shape = replace(
        PLAIN,
        load=lambda node, gpu, time_s: (300.0, 0.0 if gpu else 0.1 if node == 2 else 0.3, 1.0),
        cpu=lambda node, time_s: 0.9,
        node_memory_gib=1,
        ends_late_s={3: 30.0},
        variables={
            **_CLOCK, "SLURM_JOB_END_TIME": "1795999999", "SLURM_MEM_PER_NODE": "999999",
        },
    )  # fmt: skip
    job: Job = read_job(write_record(tmp_path, shape))
    assert len(advise(job)) == MOST_LINES
    every = [rule for name, rule in RULES if name != "no GPU used"]
    assert len(every) > MOST_LINES


def test_the_page_of_the_documentation_names_every_rule_and_threshold() -> None:
    text = (REPOSITORY / "docs/advice.md").read_text()
    for name, _ in RULES:
        assert f"\n| {name} | " in text
    for name, (default, words) in ADVICE.items():
        assert f"\n| `{name}` | {default:g} | {words} |" in text


def test_a_well_used_job_gets_no_advice(tmp_path: Path) -> None:
    assert _advice(tmp_path, replace(PLAIN, load=training)) == []


@pytest.mark.parametrize(
    ("facts", "memory_b", "limit_s"),
    [
        ({"MinMemoryNode": "1000M", "TimeLimit": "00:05:00"}, 1000 * 2**20, 300.0),
        ({"MinMemoryNode": "1.5G", "TimeLimit": "2-01:00:01"}, 1.5 * 2**30, 176401.0),
        ({"MinMemoryNode": "4000", "TimeLimit": "UNLIMITED"}, 4000 * 2**20, None),
        ({"MinMemoryNode": "x", "TimeLimit": "99:99"}, None, None),
        ({}, None, None),
    ],
)
def test_what_was_asked_for_is_read_from_what_the_scheduler_said(
    facts: dict[str, str], memory_b: float | None, limit_s: float | None, tmp_path: Path
) -> None:
    job = read_job(write_record(tmp_path, PLAIN))
    said = Captured("scheduler", scheduler.Captured(facts=facts))
    step = replace(job.steps[0], captured=(said,))
    told = replace(job, steps=(step,))
    assert memory_asked_b(told) == memory_b
    assert time_limit_s(told) == limit_s
