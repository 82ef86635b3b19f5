"""GPUs and nodes beside each other: what several steps did with them counts by its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.support.records import Shape, write_record
from yprov_run.merge.read import read_job
from yprov_run.merge.totals import Totals, job_totals, totals
from yprov_run.model import ColumnStats, Device, DeviceUse, Job, NodeExecution
from yprov_run.report.advice import advise

HOUR_S = 3600


def _node(
    name: str, seconds: int, shares: Mapping[str, float], cpu: float = 0.2,
    ended_ms: int | None = None,
) -> NodeExecution:  # fmt: skip
    """Return what a node did with its GPUs, which were used to these shares, by their UUIDs."""
    lasted_ms = 1000 * seconds
    uses = tuple(
        DeviceUse(
            Device(index, uuid, "H100"), power=ColumnStats(seconds, 300.0, 300.0, lasted_ms),
            utilisation=ColumnStats(seconds, share, share, lasted_ms),
        )
        for index, (uuid, share) in enumerate(shares.items())
    )  # fmt: skip
    return NodeExecution(
        f"{name}-0", name, name, 0, 0, lasted_ms if ended_ms is None else ended_ms, 0, lasted_ms,
        True, False, devices=uses, cpu=ColumnStats(seconds, cpu, cpu, lasted_ms),
    )  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return read_job(write_record(tmp_path_factory.mktemp("job"), Shape(nodes=1, gpus=1, seconds=1)))


def _job(empty: Job, *steps: Sequence[NodeExecution]) -> Job:
    (step,) = empty.steps
    ended_ms = (empty.started_ms or 0) + 20 * HOUR_S * 1000
    several = tuple(replace(step, number=n, nodes=tuple(nodes)) for n, nodes in enumerate(steps))
    return replace(empty, ended_ms=ended_ms, steps=several)


def _names(figures: Totals) -> list[str]:
    return [straggler.name for straggler in figures.stragglers]


def test_one_gpu_on_one_node_is_compared_with_nothing_however_many_steps_it_had(empty: Job) -> None:
    training = [_node("n1", 600, {"GPU-a": 0.95})]
    figures = job_totals(_job(empty, [_node("n1", 20, {"GPU-a": 0.0})], *[training] * 3))
    assert (figures.device_imbalance, figures.node_imbalance) == (None, None)
    assert figures.stragglers == ()


def test_a_gpus_use_counts_by_the_time_that_its_steps_took(empty: Job) -> None:
    brief = [_node("n1", 10, {"GPU-a": 0.0, "GPU-b": 0.9})]
    long = [_node("n1", 990, {"GPU-a": 0.9, "GPU-b": 0.9})]
    figures = job_totals(_job(empty, brief, brief, long))
    mean_a = 990 * 0.9 / 1010
    assert figures.device_imbalance == pytest.approx(1 - (mean_a + 0.9) / 2 / 0.9)


def test_nodes_are_compared_that_had_the_same_steps(empty: Job) -> None:
    alone = [_node("n1", HOUR_S, {"GPU-a": 0.1})]
    train = [_node(f"n{n}", 2 * HOUR_S, {f"GPU-{n}": 0.9}) for n in range(1, 9)]
    other = [_node(f"n{n}", 5 * HOUR_S, {f"GPU-{n}": 0.3}) for n in (9, 10, 11)]
    job = _job(empty, alone, train, other)
    figures = job_totals(job)
    assert (figures.device_imbalance, figures.node_imbalance) == (0.0, 0.0)
    assert figures.stragglers == ()
    assert not [line for line in advise(job) if "uneven" in line]


def test_a_node_whose_gpus_tell_nothing_is_not_compared_by_its_cpu(empty: Job) -> None:
    told = [_node(name, 600, {f"GPU-{name}": 0.9}, cpu=0.05) for name in ("n1", "n2")]
    figures = job_totals(_job(empty, [*told, _node("n3", 600, {}, cpu=0.05)]))
    assert figures.node_imbalance == 0.0


def test_a_gpu_that_stands_out_in_most_of_the_time_is_named_once(empty: Job) -> None:
    slow = {"GPU-a": 0.9, "GPU-b": 0.9, "GPU-c": 0.9, "GPU-d": 0.4}
    figures = job_totals(_job(empty, *[[_node("n1", 600, slow)]] * 5))
    assert _names(figures) == ["GPU 3 on n1 (GPU-d)"]
    assert figures.stragglers[0].what == "used 40% of the time, the median 90%"


def test_a_gpu_that_was_had_for_seconds_does_not_stand_out_of_those_of_hours(empty: Job) -> None:
    whole = {f"GPU-{n}": 0.9 for n in range(4)}
    steps = [_node("n1", 20, {"GPU-x": 0.0})], [_node("n1", HOUR_S, whole)]
    figures = job_totals(_job(empty, *steps))
    assert (figures.device_imbalance, figures.stragglers) == (0.0, ())


def test_a_node_that_ended_late_is_named_though_a_brief_step_was_before(empty: Job) -> None:
    late = [_node(f"n{n}", 1000, {}, ended_ms=1_000_000 + 200_000 * (n == 3)) for n in range(5)]
    figures = job_totals(_job(empty, [_node("n0", 20, {})], late))
    assert _names(figures) == ["node n3"]


def test_nodes_of_one_name_are_two(empty: Job) -> None:
    busy, idle = (_node("localhost", 600, each) for each in ({"GPU-a": 0.9}, {"GPU-b": 0.0}))
    figures = totals([busy, replace(idle, key="localhost-1")])
    assert figures.nodes == 2
    assert figures.node_imbalance == pytest.approx(0.5)


def test_gpus_that_tell_their_place_only_are_others_on_another_node() -> None:
    first, second = (_node(f"n{n}", 600, {"PCI-0000:03:00.0": 0.5}) for n in (1, 2))
    assert totals([first, second]).gpus == 2


def test_short_steps_do_not_make_the_gpus_of_a_long_one_wait_for_data(empty: Job) -> None:
    short, long = (_node("n1", seconds, {"GPU-a": share}, cpu=0.9)
                   for seconds, share in ((20, 0.05), (10 * HOUR_S, 0.98)))  # fmt: skip
    assert advise(_job(empty, [short], [short], [short], [long])) == []
    (line,) = advise(_job(empty, [short], [replace(long, devices=short.devices)]))
    assert line.startswith("GPUs 5% used while CPUs are 90% busy")


def test_heat_in_a_short_step_is_not_told_of_the_job(empty: Job) -> None:
    def held(seconds: int, share: float) -> list[NodeExecution]:
        node = _node("n1", seconds, {"GPU-a": 0.9})
        (use,) = node.devices
        use = use._replace(throttled_s=share * seconds, throttle_known_s=float(seconds),
                           throttled_by=(("heat", share),))  # fmt: skip
        return [replace(node, devices=(use,))]

    assert advise(_job(empty, held(60, 1.0), held(HOUR_S, 0.0))) == []
    (line,) = advise(_job(empty, held(600, 1.0), held(HOUR_S, 0.0)))
    assert line.startswith("n1 GPU 0 held back by heat, for up to 14% of the time: ")


def test_a_node_is_behind_by_its_mean_over_all_steps_of_the_same_nodes(empty: Job) -> None:
    def step(seconds: int, *shares: float) -> list[NodeExecution]:
        return [_node(f"n{n}", seconds, {f"GPU-{n}": share}) for n, share in enumerate(shares)]

    even = step(HOUR_S, 0.9, 0.9, 0.9)
    assert advise(_job(empty, even, step(60, 0.1, 0.9, 0.9))) == []
    (line,) = advise(_job(empty, even, step(HOUR_S, 0.1, 0.9, 0.9)))
    assert line.startswith("uneven work: n0 50% used, the median node 90%")
