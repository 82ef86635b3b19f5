"""What a node is made of, as /proc and /sys tell it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import documents
from tests.support.commands import only_job, run
from yprov_run.agent.hardware import count_list, describe
from yprov_run.agent.notes import Notes, is_first_node
from yprov_run.merge.detail import FULL, NODE
from yprov_run.model import Ending, NodeExecution, Step
from yprov_run.provenance.hardware import add_hardware
from yprov_run.provenance.records import Records

_NODE = {
    "proc/sys/kernel/osrelease": "5.14.0-427.el9.x86_64\n",
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC 7763\nmicrocode\t: 0xa0011d5\n"
    "flags\t\t: fpu vme\n\nprocessor\t: 1\nmodel name\t: other\n",
    "proc/meminfo": "MemTotal:       263856012 kB\nMemFree: 1 kB\n",
    "etc/os-release": 'NAME="Rocky"\nPRETTY_NAME="Rocky Linux 9.4"\n',
    "sys/class/dmi/id/sys_vendor": "HPE\n",
    "sys/class/dmi/id/product_name": "EX235a\n",
    "sys/class/dmi/id/product_serial": "SECRET-SERIAL\n",
    "sys/class/dmi/id/bios_vendor": "HPE\n",
    "sys/class/dmi/id/bios_version": "A43 2.84\n",
    "sys/class/dmi/id/bios_date": "11/03/2023\n",
    "sys/devices/system/cpu/online": "0-255\n",
    "sys/devices/system/cpu/cpu0/topology/package_cpus_list": "0-63,128-191\n",
    "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0,128\n",
    "sys/devices/system/cpu/cpu0/cache/index3/size": "32768K\n",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "3529052\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/node/online": "0-7\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/class/infiniband/mlx5_0/hca_type": "MT4123\n",
    "sys/class/infiniband/mlx5_0/fw_ver": "20.31.1014\n",
    "sys/class/infiniband/mlx5_0/ports/1/rate": "200 Gb/sec (4X HDR)\n",
    "sys/class/infiniband/mlx5_0/ports/1/link_layer": "InfiniBand\n",
    "sys/class/infiniband/mlx5_0/ports/1/state": "4: ACTIVE\n",
    "sys/module/mlx5_core/version": "24.04-0.6.6\n",
    "sys/class/cxi/cxi0/device/vendor": "0x17db\n",
    "sys/class/net/eth0/speed": "25000\n",
    "sys/class/net/eth0/device/vendor": "x\n",
    "sys/class/net/veth1/speed": "10000\n",
    "sys/class/net/down/speed": "-1\n",
    "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  T\n",
}

_DRIVERS = {"infiniband/mlx5_0": "mlx5_core", "net/eth0": "mlx5_core", "cxi/cxi0": "cxi_ss1"}


def _make(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for device, driver in _DRIVERS.items():
        if (root / "sys/class" / device).exists():
            (root / f"sys/class/{device}/device").mkdir(exist_ok=True)
            (root / f"sys/class/{device}/device/driver").symlink_to(f"../../drivers/{driver}")
    return str(root)


def test_a_node_is_described_from_its_files(tmp_path: Path) -> None:
    assert describe(_make(tmp_path, _NODE)) == {
        "kernel": "5.14.0-427.el9.x86_64", "system": "Rocky Linux 9.4", "model": "HPE EX235a",
        "firmware": "HPE A43 2.84 (11/03/2023)",
        "huge_pages": "madvise", "cpu_model": "AMD EPYC 7763", "cpu_microcode": "0xa0011d5",
        "cpus": 256, "sockets": 2, "cores_per_socket": 64, "threads_per_core": 2, "numa_nodes": 8,
        "l3_cache": "32768K", "cpu_max_khz": 3529052, "cpu_governor": "performance",
        "memory_gib": 252, "gpu_driver": "NVIDIA 550.54.15",
        "interconnect": [
            "mlx5_0: InfiniBand, MT4123, 200 Gb/sec (4X HDR), firmware 20.31.1014, "
            "driver mlx5_core 24.04-0.6.6, active",
            "cxi0: Slingshot, driver cxi_ss1",
            "eth0: Ethernet, 25000 Mb/s, driver mlx5_core 24.04-0.6.6",
        ],
    }  # fmt: skip


def test_equal_nodes_have_equal_descriptions(tmp_path: Path) -> None:
    other = {
        **_NODE,
        "proc/meminfo": "MemTotal:       263855988 kB\n",
        "sys/class/dmi/id/product_serial": "OTHER\n",
    }
    assert describe(_make(tmp_path / "a", _NODE)) == describe(_make(tmp_path / "b", other))


def _execution(index: int, hardware: dict[str, object]) -> NodeExecution:
    return NodeExecution(
        f"n{index}-0", f"n{index}", "", index, 0, 1, None, None, complete=True,
        ended_with_step=False, facts={"hardware": hardware},
    )  # fmt: skip


def test_a_thousand_equal_nodes_are_one_description(tmp_path: Path) -> None:
    told = describe(_make(tmp_path, _NODE))
    nodes = [_execution(index, told) for index in range(1000)]
    nodes.append(_execution(1000, {**told, "memory_gib": 504}))
    step = Step(0, ("a",), "srun", "/", "h", 0, 1, Ending("completed", "x"), tuple(nodes))
    for level, relations in ((FULL, 1001), (NODE, 2)):
        records = Records({})
        add_hardware(records, step, level)
        document = records.as_json()
        assert len(document["entity"]) == 2
        assert len(document["used"]) == relations


def test_a_job_tells_what_its_node_is_made_of(tmp_path: Path) -> None:
    run("yprov-run", "true", cwd=tmp_path)
    document = documents.load(only_job(tmp_path) / "prov.json")
    (found,) = documents.of_type(document, "entity", "run:NodeHardware").values()
    assert found["run:kernel"] == platform.release()
    assert "hardware" in {used["prov:role"] for used in document["used"].values()}


def test_hardware_is_noted_once_and_programs_on_the_first_node_alone() -> None:
    notes = Notes(with_programs=False)
    assert [event for event, _ in notes.take(0.0, [os.getpid()])] == ["hardware"]
    assert list(notes.take(1.0, [os.getpid()])) == []
    events = [event for event, _ in Notes(with_programs=True).take(0.0, [os.getpid()])]
    assert events[:2] == ["hardware", "program"]
    assert is_first_node({"SLURM_NODEID": "0"})
    assert is_first_node({})
    assert not is_first_node({"SLURM_NODEID": "1", "PMI_RANK": "0"})
    assert not is_first_node({"OMPI_COMM_WORLD_RANK": "8"})


def test_a_node_that_tells_nothing_is_described_by_nothing(tmp_path: Path) -> None:
    assert describe(str(tmp_path)) == {}


def test_this_machine_has_a_kernel_and_memory() -> None:
    found = describe()
    assert found["kernel"] == platform.release()
    assert found["cpus"] == os.cpu_count() or "cpus" not in found
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    assert found["memory_gib"] == pytest.approx(memory, abs=1)


@pytest.mark.parametrize(
    ("text", "count"), [("0-3,8", 5), ("7", 1), ("", 0), ("x", 0), ("3-", 0), ("0-3\n", 4)]
)
def test_a_kernels_list_is_counted(text: str, count: int) -> None:
    assert count_list(text) == count


@given(st.text(alphabet="0123456789,- x", max_size=20))
def test_any_text_is_a_list_or_none(text: str) -> None:
    assert count_list(text) >= 0


@given(st.binary(max_size=200))
def test_any_bytes_in_a_nodes_files_are_a_description(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        for path in list(_NODE)[:6]:
            file = Path(name) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        assert isinstance(describe(name), dict)
