"""Which GPUs are the job's: by what the scheduler promised, and what the tasks were told to use."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import documents
from tests.test_scale import synthesize
from yprov_run.cli.fold import fold
from yprov_run.jobdir import JobDir
from yprov_run.merge.gpus import chosen_devices, joined, of_the_job, settle
from yprov_run.merge.read import read_job
from yprov_run.model import Device, DeviceUse, NodeExecution, Task
from yprov_run.report.series import timeline

SLURM = {"SLURM_JOB_ID": "7"}


def _gpus(*uuids: str, name: str = "H100") -> list[Device]:
    return [Device(index, uuid, name) for index, uuid in enumerate(uuids)]


def _node(devices: list[Device], lists: list[str], expected: int, key: str = "n1-0",
          environment: dict[str, str] | None = None) -> NodeExecution:  # fmt: skip
    return NodeExecution(
        key, "n1", "n1", 0, 0, 1000, 0, 1000, True, False,
        tasks=tuple(Task(rank, rank, 100 + rank, visible_gpus=text)
                    for rank, text in enumerate(lists)),
        devices=tuple(DeviceUse(device, energy_j=1.0) for device in devices),
        facts={"gpus_expected": expected, "environment": environment or {}},
    )  # fmt: skip


def _uuids(node: NodeExecution) -> list[str]:
    return [use.device.uuid for use in node.devices]


FOUR = ("GPU-aa11", "GPU-bb22", "GPU-cc33", "GPU-dd44")


@pytest.mark.parametrize(
    ("lists", "chosen"),
    [
        (["0,1"], {0, 1}),
        (["2", "3"], {2, 3}),
        (["GPU-bb22,GPU-dd44"], {1, 3}),
        (["GPU-cc"], {2}),
        (["1,-1,2"], {1}),
        (["1,9,2"], {1}),
        (["NoDevFiles"], set()),
        (["MIG-GPU-cc33/1/0"], {2}),
        (["0", ""], {0, 1, 2, 3}),
        ([], {0, 1, 2, 3}),
        (["GPU-"], set()),
    ],
)
def test_a_tasks_list_names_gpus_by_number_or_uuid(lists: list[str], chosen: set[int]) -> None:
    assert chosen_devices(_gpus(*FOUR), lists, {}) == (chosen, "")


def test_numbers_on_a_node_of_different_gpus_are_in_doubt_unless_the_order_is_set() -> None:
    mixed = [Device(0, FOUR[0], "H100"), Device(1, FOUR[1], "A30")]
    chosen, doubt = chosen_devices(mixed, ["1"], {})
    assert chosen == {0, 1}
    assert "order" in doubt
    assert chosen_devices(mixed, ["1"], {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}) == ({1}, "")


def _dies(count: int, source: str = "amdgpu") -> list[Device]:
    return [Device(n, f"GPU-5a1b{n:012x}", "MI250X", source=source) for n in range(count)]


ON_TWO_DIES = {**SLURM, "SLURM_STEP_GPUS": "4,5"}
IN_DOUBT = "GPUs are named by numbers in an order that is not known: all are counted"
LEFT_OUT = "6 GPUs of the node are not the job's: their figures are left out"


@pytest.mark.parametrize(
    ("environment", "lists", "chosen", "said"),
    [
        # Slurm numbers what a task may open from 0; sysfs shows all of the node.
        (ON_TWO_DIES, ["0,1"], [4, 5], LEFT_OUT),
        (ON_TWO_DIES, ["0", "0"], [4, 5], LEFT_OUT),
        (ON_TWO_DIES, [], [4, 5], LEFT_OUT),
        (SLURM, ["0,1"], list(range(8)), IN_DOUBT),
        (SLURM, ["0", "0"], list(range(8)), IN_DOUBT),
        (SLURM, ["GPU-5a1b000000000004,GPU-5a1b000000000005"], [4, 5], LEFT_OUT),
        ({**SLURM, "SLURM_STEP_GPUS": "4"}, ["0"], list(range(8)), IN_DOUBT),  # not all of them
        ({**SLURM, "SLURM_STEP_GPUS": "4,9"}, ["0,1"], list(range(8)), IN_DOUBT),
        ({**SLURM, "SLURM_STEP_GPUS": "4,x"}, ["0,1"], list(range(8)), IN_DOUBT),
        ({**SLURM, "SLURM_JOB_GPUS": "4,5", "SLURM_JOB_NUM_NODES": "1"}, ["0,1"], [4, 5], LEFT_OUT),
        # The batch script's variable, which a step on another node has too.
        ({**SLURM, "SLURM_JOB_GPUS": "4,5", "SLURM_JOB_NUM_NODES": "2"}, ["0,1"], list(range(8)),
         IN_DOUBT),
    ],
)  # fmt: skip
def test_of_amd_dies_that_all_show_the_schedulers_numbers_tell_the_jobs(
    environment: dict[str, str], lists: list[str], chosen: list[int], said: str
) -> None:
    node, problems = of_the_job(_node(_dies(8), lists, 2, environment=environment))
    assert [use.device.index for use in node.devices] == chosen
    assert problems == [said]


@pytest.mark.parametrize("source", ["amdgpu", "i915", "xe"])
def test_numbers_of_other_makers_gpus_name_them_only_where_they_name_all(source: str) -> None:
    two = _dies(2, source)
    assert chosen_devices(two, ["0,1"], {}) == ({0, 1}, "")
    assert chosen_devices(two, ["0", "1"], {}) == ({0, 1}, "")
    assert chosen_devices(two, ["1"], {}) == ({0, 1}, IN_DOUBT)
    assert chosen_devices(two, ["1"], {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}) == ({0, 1}, IN_DOUBT)


def test_a_gpu_is_meant_where_one_of_its_tiles_is_named() -> None:
    assert chosen_devices(_dies(2, "xe"), ["0.0,0.1", "1.0"], {}) == ({0, 1}, "")
    assert chosen_devices(_dies(2, "xe"), ["0.1"], {}) == ({0, 1}, IN_DOUBT)


def test_all_that_the_scheduler_promised_are_the_jobs_used_or_not() -> None:
    node, problems = of_the_job(_node(_gpus(*FOUR), ["0"], 4, environment=SLURM))
    assert _uuids(node) == list(FOUR)
    assert problems == []


def test_gpus_of_other_jobs_on_a_shared_node_are_left_out_and_named() -> None:
    node, problems = of_the_job(_node(_gpus(*FOUR), ["2,3"], 2, environment=SLURM))
    assert _uuids(node) == list(FOUR[2:])
    assert problems == ["2 GPUs of the node are not the job's: their figures are left out"]


def test_a_shortfall_is_named() -> None:
    _, problems = of_the_job(_node(_gpus(*FOUR[:1]), ["0"], 4, environment=SLURM))
    assert problems == ["1 of 4 GPUs sampled"]


def test_a_gpu_that_is_shared_by_instances_is_named() -> None:
    shared = [Device(0, FOUR[0], "A100", note="split: its energy is that of all its instances")]
    _, problems = of_the_job(_node(shared, [], 1, environment=SLURM))
    assert problems == [f"GPU {FOUR[0]} is split: its energy is that of all its instances"]


def test_a_local_run_that_was_told_to_use_one_gpu_is_of_that_one() -> None:
    node, problems = of_the_job(_node(_gpus(*FOUR), ["1"], 4))
    assert _uuids(node) == [FOUR[1]]
    assert problems == []


def test_what_tasks_see_apart_is_put_together_and_counted_once() -> None:
    leader = _node(_gpus(FOUR[0]), ["0", "0", "0"], 3, environment=SLURM)
    others = [
        _node(_gpus(FOUR[1]), [], 3, "n1-0+1"),
        _node(_gpus(FOUR[2]), [], 3, "n1-0+2"),
        _node(_gpus(FOUR[0]), [], 3, "n1-0+3"),
    ]
    (node,) = joined([*others, leader])
    assert _uuids(node) == list(FOUR[:3])
    assert [use.device.index for use in node.devices] == [0, 1, 2]
    assert len(node.tasks) == 3
    assert of_the_job(node)[1] == []


def test_a_gpu_whose_task_ended_before_the_others_is_named_and_covers_its_time_only() -> None:
    leader = replace(_node(_gpus(FOUR[0]), ["0", "0"], 2, environment=SLURM), ended_ms=20_000)
    other = replace(_node(_gpus(FOUR[1]), [], 2, "n1-0+1"), ended_ms=4000)
    other = replace(other, devices=(other.devices[0]._replace(coverage=1.0),))
    (node,), problems = settle([leader, other])
    assert node.devices[1].coverage == 0.2
    assert problems == [
        ("n1", f"{FOUR[1]}: read until its task ended, 16 s before the node's last; "
         "what it drew after that is not counted")
    ]  # fmt: skip


def _two_agents(folder: Path) -> JobDir:
    """Write a record of a node on which two agents see a GPU each, and call it 0."""
    made = synthesize(folder / "bound_1", 1, 1)
    nodes = made.steps_dir / "0/nodes"
    for suffix in ("events.jsonl", "samples.csv"):
        (leaders,) = nodes.glob(f"*.{suffix}")
        key, _, _ = leaders.name.partition(".")
        text = re.sub(r"GPU-[0-9a-f-]+", "GPU-second", leaders.read_text())
        (nodes / f"{key}+1.{suffix}").write_text(text)
    return made


def test_what_each_tasks_agent_sampled_stands_in_the_metric_files(tmp_path: Path) -> None:
    """Two agents of one node, each seeing one GPU and calling it 0."""
    made = _two_agents(tmp_path)
    fold(made)
    document = documents.load(made.document)
    assert documents.job(document)["run:gpuCount"] == 2
    for name in ("gpu_power", "gpu_usage_pct", "gpu_memory_usage_gb", "gpu_temperature_c"):
        first, second = sorted(made.metrics.glob(f"{name}_*"))
        assert ("_gpu0_" in first.name, "_gpu1_" in second.name) == (True, True)
        assert first.read_bytes() == second.read_bytes()
    assert len(list(made.metrics.glob("cpu_usage_pct_*"))) == 1
    samples = documents.of_type(document, "entity", "run:SampleFile")
    assert len({record["prov:location"] for record in samples.values()}) == 2
    line = timeline(read_job(made), made.path)
    assert line is not None
    for quantity in ("gpu_power", "gpu_utilisation", "gpu_temperature"):
        first_line, second_line = line.by_quantity[quantity]
        assert (first_line.device, second_line.device) == (0, 1)
        assert first_line.total == second_line.total
        assert first_line.mean > 0
    assert [series.device for series in line.by_quantity["cpu_busy"]] == [None]


@pytest.mark.parametrize("lines", [0, 8])
def test_what_an_agent_sampled_after_the_leaders_was_killed_is_drawn(
    lines: int, tmp_path: Path
) -> None:
    made = _two_agents(tmp_path)
    nodes = made.steps_dir / "0/nodes"
    (leaders,) = (path for path in nodes.glob("*.samples.csv") if "+" not in path.name)
    (events,) = (path for path in nodes.glob("*.events.jsonl") if "+" not in path.name)
    whole = leaders.read_text().splitlines(keepends=True)
    leaders.write_text("".join(whole[:lines]))
    said = events.read_text().splitlines(keepends=True)
    events.write_text("".join(line for line in said if '"event":"end"' not in line))
    line = timeline(read_job(made), made.path)
    assert line is not None
    second = line.by_quantity["gpu_power"][-1]
    assert second.device == 1
    assert sum(second.number) == len(whole) - 1
    fold(made)
    assert [path.name for path in made.metrics.glob("gpu_power_*_gpu1_*")]


def test_gpus_of_other_jobs_are_not_drawn(tmp_path: Path) -> None:
    made = synthesize(tmp_path / "shared_1", 1, 4)
    (tasks,) = (made.steps_dir / "0/nodes").glob("*.tasks")
    tasks.write_text(re.sub(r"(?m)\d+$", "2,3", tasks.read_text()))
    line = timeline(read_job(made), made.path)
    assert line is not None
    assert [series.device for series in line.by_quantity["gpu_power"]] == [2, 3]
