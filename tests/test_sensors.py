"""Sensors on machines that are replayed from trees of kernel files, and from the fake GPUs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment, run
from tests.support.machines import Machine
from yprov_run.agent.sensors.amdgpu import AmdGpuSensor
from yprov_run.agent.sensors.base import Joined, Sensor, SensorAbsentError, SensorUnavailableError
from yprov_run.agent.sensors.cray import CraySensor
from yprov_run.agent.sensors.host import HostSensor
from yprov_run.agent.sensors.hwmon import HwmonSensor
from yprov_run.agent.sensors.job import JobSensor
from yprov_run.agent.sensors.nvml import NvmlSensor
from yprov_run.agent.sensors.present import Roots, driver_sensors
from yprov_run.agent.sensors.rapl import RaplSensor

Values = dict[str, "int | None"]


def named(sensor: Sensor | Joined) -> Values:
    """Return a reading as column: value."""
    return dict(zip([c.name for c in sensor.columns], sensor.read(), strict=True))


@pytest.mark.parametrize(
    ("machine", "names"),
    [
        ("vm", ["nvml"]),
        ("laptop_rapl", ["nvml"]),
        ("mi250x_cray", ["nvml", "amdgpu", "pm_counters"]),
        ("gh200", ["nvml", "hwmon"]),
        ("intel_gpus", ["nvml", "hwmon"]),
    ],
)
def test_only_the_sensors_that_a_machine_has_are_started(
    machine: str, names: list[str], tmp_path: Path
) -> None:
    here = Machine(machine, tmp_path)
    assert [name for name, _ in driver_sensors(Roots(here.sys, here.proc))] == names


def test_a_plain_machine_tells_cpu_memory_disk_and_network(tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)
    sensor = HostSensor(vm.proc, vm.sys)
    vm.write("proc/stat", "cpu 1500 0 500 8200 400 0 0 0 0 0\n")
    assert named(sensor) == {
        "cpu_busy_permille": 500,
        "cpu_iowait_permille": 300,
        "memory_used_mib": 8000000 // 4 // 1024,
        "swap_used_mib": 1024,
        "load_centi": 125,
        "disk_read_mib": 0,  # the loop device lies on the disk, and vda is not in its statistics
        "disk_written_mib": 0,
        "net_received_mib": 100,
        "net_sent_mib": 50,
    } | {"disk_read_mib": 1000, "disk_written_mib": 2000}


def test_what_only_adds_up_is_read_in_turn(tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)
    sensor = HostSensor(vm.proc, vm.sys)
    first, *later = [named(sensor) for _ in range(5)]
    assert None not in [value for name, value in first.items() if not name.startswith("cpu_")]
    for name in ("load_centi", "disk_read_mib", "net_sent_mib"):
        assert sum(reading[name] is not None for reading in later) == 1


def test_infiniband_counts_words_and_slingshot_is_a_lower_bound(tmp_path: Path) -> None:
    node = Machine("h100x8", tmp_path / "ib")
    values = named(HostSensor(node.proc, node.sys))
    assert values["fabric_received_mib"] == 4 * 262144 * (1 + 2 + 3 + 4) >> 20
    assert values["fabric_sent_mib"] == 4 * 524288 * (1 + 2 + 3 + 4) >> 20
    cray = Machine("mi250x_cray", tmp_path / "cxi")
    values = named(HostSensor(cray.proc, cray.sys))
    assert values["fabric_received_mib"] == (16384 * 64 + 2048 * 1024) >> 20
    assert values["fabric_sent_mib"] == (1024 * 4096) >> 20


def test_rapl_counters_run_on_where_they_start_again(tmp_path: Path) -> None:
    laptop = Machine("laptop_rapl", tmp_path)
    sensor = RaplSensor(laptop.sys)
    assert {d.name: d.kind for d in sensor.devices} == {
        "package-0": "cpu",
        "psys": "platform",
        "package-0 core": "core",
        "package-0 uncore": "core",
        "package-0 dram": "memory",
    }
    assert sensor.devices[0].power_limit_w == 51
    sensor.read()
    laptop.write("sys/class/powercap/intel-rapl:0/energy_uj", "1000000")
    grown_uj = 262143328850 - 262143000000 + 1000000
    assert sensor.read()[0] == grown_uj // 100_000


def test_a_zone_that_is_read_too_late_to_know_how_often_it_went_round_is_named(
    tmp_path: Path,
) -> None:
    laptop = Machine("laptop_rapl", tmp_path)
    # At what it may draw, this counter goes round within a nanosecond.
    laptop.write("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "1")
    laptop.write("sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw", str(10**18))
    sensor = RaplSensor(laptop.sys)
    assert sensor.problems() == []
    sensor.read()
    (problem,) = sensor.problems()
    assert problem.startswith("package-0: not read for ")
    assert sensor.problems() == []  # told once


def _as_nobody(folder: Path, program: str) -> str:
    """Return what a program prints that may read the test's folder but is not root."""
    for each in (folder, *folder.rglob("*"), *folder.parents):
        if each.is_dir() and each.owner() == "root" and "pytest" in str(each):
            each.chmod(0o755)
    begin = f"import os, sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", begin + program],
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give up its rights")
def test_rapl_that_is_for_root_only_is_named_with_what_to_do(tmp_path: Path) -> None:
    node = Machine("h100x8", tmp_path)
    for file in node.forbidden:
        file.chmod(0o400)
    told = _as_nobody(
        tmp_path,
        "from yprov_run.agent.sensors.rapl import RaplSensor\n"
        "os.setuid(65534)\n"
        f"try: RaplSensor({node.sys!r})\n"
        "except Exception as error: print(type(error).__name__, error)\n",
    )
    assert "SensorUnavailableError" in told
    assert "readable by root only" in told
    assert "chmod o+r" in told


def _with_render_nodes(folder: Path, devices: list[str], closed: set[int]) -> str:
    """Give devices render nodes from 128 on, some of which may not be opened; return /dev."""
    nodes = folder / "dev/dri"
    nodes.mkdir(parents=True)
    for number, device in enumerate(devices):
        (folder / device / f"drm/renderD{128 + number}").mkdir(parents=True)
        (nodes / f"renderD{128 + number}").touch()
        (nodes / f"renderD{128 + number}").chmod(0o600 if number in closed else 0o666)
    return str(nodes.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give up its rights")
@pytest.mark.parametrize(
    ("closed", "seen"),
    [
        ({0, 1, 2, 3, 6, 7}, ["0000:c5:00.0", "0000:c6:00.0"]),
        (set(range(8)), [f"0000:c{n}:00.0" for n in range(1, 9)]),  # nobody's: no group's doing
    ],
)
def test_amd_gpus_that_the_job_may_not_open_are_anothers(
    closed: set[int], seen: list[str], tmp_path: Path
) -> None:
    sys_root = Machine("mi250x_cray", tmp_path).sys
    cards = [f"sys/class/drm/card{n}/device" for n in range(8)]
    dev = _with_render_nodes(tmp_path, cards, closed)
    told = _as_nobody(
        tmp_path,
        "from yprov_run.agent.sensors.amdgpu import AmdGpuSensor\n"
        "os.setuid(65534)\n"
        f"devices = AmdGpuSensor({sys_root!r}, {dev!r}).devices\n"
        "print([device.index for device in devices], [device.pci_bus_id for device in devices])\n",
    )
    assert told == f"{list(range(len(seen)))} {seen}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give up its rights")
def test_intel_gpus_that_the_job_may_not_open_are_anothers(tmp_path: Path) -> None:
    sys_root = Machine("intel_gpus", tmp_path).sys
    cards = [f"sys/class/hwmon/hwmon{n}/device" for n in range(2)]
    dev = _with_render_nodes(tmp_path, cards, {0})
    told = _as_nobody(
        tmp_path,
        "from yprov_run.agent.sensors.hwmon import HwmonSensor\n"
        "os.setuid(65534)\n"
        f"print([device.source for device in HwmonSensor({sys_root!r}, {dev!r}).devices])\n",
    )
    assert told == "['xe']\n"


def test_a_machine_without_rapl_has_no_gap_for_it(tmp_path: Path) -> None:
    with pytest.raises(SensorAbsentError):
        RaplSensor(Machine("vm", tmp_path).sys)


def test_amd_dies_tell_energy_power_and_use_and_the_second_of_a_card_no_power(
    tmp_path: Path,
) -> None:
    sensor = AmdGpuSensor(Machine("mi250x_cray", tmp_path).sys)
    assert {device.firmware for device in sensor.devices} == {"113-D65201-046"}
    assert len(sensor.devices) == 8
    assert sensor.devices[0].uuid == "GPU-5a1b000000000000"
    assert sensor.devices[0].pci_bus_id == "0000:c1:00.0"
    assert sensor.devices[0].power_limit_w == 560
    values = named(sensor)
    assert values["gpu0_energy_dj"] == 10_000_000
    assert values["gpu2_power_dw"] == 3520
    assert values["gpu3_utilisation_percent"] == 93
    assert values["gpu7_memory_used_mib"] == 17 << 10
    assert values["gpu0_sm_clock_mhz"] == 1700
    assert "gpu1_power_dw" not in values
    assert "gpu1_energy_dj" not in values
    assert "other die" in sensor.devices[1].note


@pytest.mark.parametrize(
    ("version", "at"), [((1, 1), 24), ((1, 3), 24), ((1, 4), 24), ((1, 5), 88), ((9, 9), None)]
)
def test_the_energy_accumulator_is_found_by_the_tables_version(
    version: tuple[int, int], at: int | None, tmp_path: Path
) -> None:
    cray = Machine("mi250x_cray", tmp_path)
    table = bytearray(128)
    table[0], table[2], table[3] = 128, *version
    if at is not None:
        table[at : at + 8] = (5 << 16).to_bytes(8, "little")
    (tmp_path / "sys/class/drm/card0/device/gpu_metrics").write_bytes(table)
    values = named(AmdGpuSensor(cray.sys))
    assert values.get("gpu0_energy_dj") == (None if at is None else 50)


def test_a_cray_node_tells_its_parts_and_its_accelerators_are_modules(tmp_path: Path) -> None:
    cray = Machine("mi250x_cray", tmp_path)
    sensor = CraySensor(cray.sys)
    kinds = {device.name: device.kind for device in sensor.devices}
    assert kinds["node"] == "node"
    assert kinds["accel0"] == kinds["accel3"] == "module"
    assert kinds["cpu"] == "cpu"
    values = dict(zip([(sensor.devices[c.device or 0].name, c.quantity.name)
                       for c in sensor.columns], sensor.read(), strict=True))  # fmt: skip
    assert values["node", "zone_energy"] == 9_000_000
    assert values["accel2", "zone_power"] == 3520
    assert [d.power_limit_w for d in sensor.devices if d.name == "accel1"] == [560]
    cray.write("sys/cray/pm_counters/generation", "6")
    sensor.read()
    assert sensor.problems() == ["the node's power cap was changed"]


def test_grace_rails_are_told_apart_and_intel_gpus_have_energy(tmp_path: Path) -> None:
    grace = HwmonSensor(Machine("gh200", tmp_path / "g").sys)
    assert [(d.kind, d.power_window_s) for d in grace.devices] == [
        ("module", 0.05), ("cpu", 0.05), ("core", 0.05), ("core", 0.05)
    ]  # fmt: skip
    assert grace.read() == [6500, 2100, 1500, 400]
    intel = HwmonSensor(Machine("intel_gpus", tmp_path / "i").sys)
    assert [(d.kind, d.source, d.power_limit_w) for d in intel.devices] == [
        ("gpu", "i915", 190), ("gpu", "xe", 190)
    ]  # fmt: skip
    assert intel.read() == [70, 70]


def test_the_boards_own_power_meter_is_the_nodes(tmp_path: Path) -> None:
    meter = tmp_path / "class/hwmon/hwmon3"
    (meter / "device").mkdir(parents=True)
    (meter / "name").write_text("power_meter\n")
    (meter / "device/power1_average").write_text("742000000\n")
    (meter / "device/power1_average_interval").write_text("1000\n")
    sensor = HwmonSensor(str(tmp_path))
    assert [(d.kind, d.name, d.power_window_s) for d in sensor.devices] == [
        ("node", "node meter", 1.0)
    ]
    assert sensor.read() == [7420]


@pytest.mark.parametrize(
    ("machine", "source", "values"),
    [
        ("gh200", "cgroup v2 /system.slice/slurmstepd.scope/job_31",
         [4096, 12288, 5000, 1025, 2049]),
        ("h100x8", "cgroup v2 /system.slice/n7_slurmstepd.scope/s8RQ2D3PFG3V80",
         [112640, None, 7200000, 0, 0]),
        ("mi250x_cray", "cgroup v1 /memory/slurm/uid_1000/job_77", [3072, 5120, 12000, 4000, 8000]),
    ],
)  # fmt: skip
def test_the_jobs_own_use_is_its_control_groups(
    machine: str, source: str, values: list[int | None], tmp_path: Path
) -> None:
    here = Machine(machine, tmp_path)
    sensor = JobSensor(list, here.proc, here.sys)
    assert (sensor.source, sensor.read()) == (source, values)


def test_without_a_jobs_group_its_processes_are_summed(tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)
    child = subprocess.Popen(
        ["sh", "-c", "head -c 20000000 /dev/zero >/dev/null; read end"], stdin=subprocess.PIPE
    )
    try:
        sensor = JobSensor(lambda: [child.pid], sys=vm.sys)
        readings = [sensor.read() for _ in range(2)]
    finally:
        assert child.stdin
        child.stdin.close()
        child.wait(10)
    assert sensor.source == "sum over the tasks' processes"
    memory, peak, *_ = readings[0]
    assert memory is not None
    assert peak == memory
    assert memory < 100


def _gpus(fake_nvml: Path, monkeypatch: pytest.MonkeyPatch, **knobs: str) -> NvmlSensor:
    for name, value in knobs.items():
        monkeypatch.setenv(f"FAKE_NVML_{name}", value)
    return NvmlSensor(str(fake_nvml / "libnvidia-ml.so.1"))


def test_a_gpu_tells_all_its_quantities_at_first_and_then_some_in_turn(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = _gpus(fake_nvml, monkeypatch, GPUS="1")
    first, *later = [named(sensor) for _ in range(9)]
    assert set(first) == {
        "gpu0_energy_dj", "gpu0_power_dw", "gpu0_power_instant_dw", "gpu0_utilisation_percent",
        "gpu0_memory_used_mib", "gpu0_throttle_reasons", "gpu0_temperature_celsius",
        "gpu0_sm_clock_mhz", "gpu0_memory_clock_mhz",
    }  # fmt: skip
    assert None not in first.values()
    for name in ("gpu0_energy_dj", "gpu0_power_dw", "gpu0_utilisation_percent"):
        assert None not in [reading[name] for reading in later]
    for name in ("gpu0_temperature_celsius", "gpu0_sm_clock_mhz", "gpu0_throttle_reasons"):
        assert sum(reading[name] is not None for reading in later) == 2


def test_an_older_driver_is_asked_by_older_calls(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = _gpus(fake_nvml, monkeypatch, GPUS="1", OLD="1")
    values = named(sensor)
    assert values["gpu0_energy_dj"]
    assert values["gpu0_power_dw"]
    assert "gpu0_power_instant_dw" not in values
    assert sensor.devices[0].power_window_s is None


def test_a_hopper_tells_how_busy_its_parts_are_where_that_is_allowed(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = named(_gpus(fake_nvml, monkeypatch, GPUS="1", GPM="1"))
    assert values["gpu0_sm_busy_percent"] == 20
    assert values["gpu0_tensor_busy_percent"] == 50
    assert values["gpu0_dram_busy_percent"] == 100
    denied = _gpus(fake_nvml, monkeypatch, GPUS="1", GPM="1", GPM_DENIED="1")
    assert "gpu0_tensor_busy_percent" not in named(denied)
    assert [p for p in denied.problems() if "metrics: Insufficient Permissions" in p]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e300"])
def test_a_metric_that_is_no_number_costs_its_own_cell_only(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    values = named(_gpus(fake_nvml, monkeypatch, GPUS="1", GPM="1", GPM_VALUE=value))
    assert values["gpu0_sm_busy_percent"] is None
    assert values["gpu0_energy_dj"] is not None


def test_mig_instances_are_reported_and_their_power_is_the_whole_gpus(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine("mig", tmp_path)
    knobs = {name.removeprefix("FAKE_NVML_"): value for name, value in machine.env.items()}
    sensor = _gpus(fake_nvml, monkeypatch, **knobs)
    whole, split, *instances = sensor.devices
    assert (whole.kind, whole.note) == ("gpu", "")
    assert split.note == "split: its energy is that of all its instances, whoever has them"
    assert [(d.kind, d.parent) for d in instances] == [("gpu-instance", split.uuid)] * 2
    of_instances = {c.quantity.name for c in sensor.columns if c.device in (2, 3)}
    assert of_instances == {"gpu_memory_used"}


def test_a_mig_instance_of_a_hopper_tells_how_busy_it_is(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = named(_gpus(fake_nvml, monkeypatch, GPUS="1", GPM="1", MIG_GPU="0"))
    assert {name for name in values if name.endswith("tensor_busy_percent")} == {
        "gpu0_tensor_busy_percent", "gpu1_tensor_busy_percent", "gpu2_tensor_busy_percent",
    }  # fmt: skip
    assert (values["gpu1_tensor_busy_percent"], values["gpu2_sm_busy_percent"]) == (50, 20)


def test_grace_hopper_keeps_gpu_and_module_apart(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = Machine("gh200", tmp_path)
    knobs = {name.removeprefix("FAKE_NVML_"): value for name, value in machine.env.items()}
    sensor = _gpus(fake_nvml, monkeypatch, **knobs)
    gpu, module = sensor.devices
    assert (gpu.kind, module.kind, module.parent) == ("gpu", "module", gpu.uuid)
    has = {(c.device, c.quantity.name) for c in sensor.columns}
    assert (1, "zone_energy") in has
    assert (0, "gpu_energy") not in has
    values = named(sensor)
    assert (values["zone1_power_dw"] or 0) - (values["gpu0_power_dw"] or 0) == pytest.approx(
        1000, abs=20
    )
    assert module.power_limit_w == (gpu.power_limit_w or 0) + 100


def test_a_gpu_that_is_not_ours_costs_none_of_the_others(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver counts also those that it does not let us open."""
    sensor = _gpus(fake_nvml, monkeypatch, GPUS="8", REFUSED_GPU="3")
    assert [device.uuid[-1] for device in sensor.devices] == list("0124567")
    assert [device.index for device in sensor.devices] == list(range(7))
    assert None not in [value for name, value in named(sensor).items() if "energy" in name]
    assert (sensor.problems(), sensor.silent_gpus) == ([], 0)


def test_a_gpu_that_does_not_answer_is_named_and_costs_none_of_the_others(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = _gpus(fake_nvml, monkeypatch, GPUS="8", REFUSED_GPU="3", REFUSAL="15")
    assert [device.uuid[-1] for device in sensor.devices] == list("0124567")
    assert (sensor.problems(), sensor.silent_gpus) == (["GPU number 3: GPU is lost"], 1)
    assert sensor.problems() == []  # told once


def test_a_gpu_that_is_lost_once_it_has_a_handle_is_named_too(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = _gpus(fake_nvml, monkeypatch, GPUS="2", LOST_AFTER_S="0")
    assert [device.uuid[-1] for device in sensor.devices] == ["1"]
    assert sensor.problems() == ["GPU number 0: GPU is lost"]


@pytest.mark.parametrize(
    ("refusal", "words"), [("4", "Insufficient Permissions"), ("15", "GPU is lost")]
)
def test_a_driver_of_whose_gpus_none_can_be_opened_is_a_gap(
    refusal: str, words: str, fake_nvml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SensorUnavailableError, match=f"NVML: .*{words}") as caught:
        _gpus(fake_nvml, monkeypatch, GPUS="2", REFUSED_GPU="-1", REFUSAL=refusal)
    assert not isinstance(caught.value, SensorAbsentError)


@pytest.mark.parametrize(("refusal", "sees_all"), [("4", False), ("15", True)])
def test_a_task_that_is_shown_all_gpus_samples_them_no_second_time_where_one_is_lost(
    refusal: str, sees_all: bool, fake_nvml: Path, tmp_path: Path
) -> None:
    env = environment(LD_LIBRARY_PATH=str(fake_nvml), SLURM_GPUS_ON_NODE="4", FAKE_NVML_GPUS="4",
                      FAKE_NVML_REFUSED_GPU="1", FAKE_NVML_REFUSAL=refusal)  # fmt: skip
    program = "from yprov_run.agent import main; print(main._sees_what_the_leader_sees())"
    done = run(sys.executable, "-c", program, cwd=tmp_path, env=env)
    assert done.stdout.decode().strip() == str(sees_all)


def test_a_driver_that_is_not_there_is_absent(tmp_path: Path) -> None:
    with pytest.raises(SensorAbsentError, match="libnvidia-ml"):
        NvmlSensor(str(tmp_path / "libnvidia-ml.so.1"))


def test_a_tree_that_vanishes_is_a_reading_without_values(tmp_path: Path) -> None:
    with pytest.raises(SensorUnavailableError):
        CraySensor(
            str(_without(Machine("mi250x_cray", tmp_path), "sys/cray/pm_counters/freshness"))
        )


def _without(machine: Machine, path: str) -> str:
    (machine.folder / path).unlink()
    return machine.sys


def _inspected(machine: Machine, *options: str, **extra: str) -> subprocess.CompletedProcess[bytes]:
    env = environment(YPROV_SYS_ROOT=machine.sys, YPROV_PROC_ROOT=machine.proc, **extra)
    return run("yprov-inspect", "sensors", *options, cwd=machine.folder, env=env)


def test_inspect_shows_every_sensor_with_a_live_value_or_what_keeps_it(
    fake_nvml: Path, tmp_path: Path
) -> None:
    cray = Machine("mi250x_cray", tmp_path)
    shown = _inspected(cray).stdout.decode()
    assert "cgroup v1 /memory/slurm/uid_1000/job_77" in shown
    assert "gpu 6: AMD Instinct MI250X (GPU-5a1b000000000006)" in shown
    assert "that is in the other die's of its card" in shown
    assert re.search(r"module \d+: accel1 ", shown)
    assert "zone power             351.0 W" in shown
    assert "not available: no libnvidia-ml.so.1" in shown
    assert "srun --gpus=1" in shown


def test_inspect_tells_programs_the_same_as_json(fake_nvml: Path, tmp_path: Path) -> None:
    vm = Machine("vm", tmp_path)
    done = _inspected(vm, "--json", LD_LIBRARY_PATH=str(fake_nvml), FAKE_NVML_GPUS="2")
    host, nvml = json.loads(done.stdout)
    assert host["values"]["net_received_mib"] == 100 << 20
    assert host["units"]["net_received_mib"] == "B"
    assert [device["kind"] for device in nvml["devices"]] == ["gpu", "gpu"]
    assert 100 < nvml["values"]["gpu1_power_dw"] < 500
    assert nvml["problems"] == []
