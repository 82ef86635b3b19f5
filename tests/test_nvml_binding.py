"""Our binding of NVML says the same as NVIDIA's own: names, numbers, and where each byte is."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pynvml
import pytest

from yprov_run.agent.sensors import nvml_calls, nvml_library


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("FieldValue", "c_nvmlFieldValue_t"),
        ("Utilisation", "c_nvmlUtilization_t"),
        ("Memory", "c_nvmlMemory_t"),
        ("Memory2", "c_nvmlMemory_v2_t"),
        ("Temperature", "c_nvmlTemperature_v1_t"),
        ("PciInfo", "nvmlPciInfo_t"),
    ],
)
def test_structures_have_the_same_layout(ours: str, theirs: str) -> None:
    def layout(structure: type[ctypes.Structure]) -> list[tuple[int, int]]:
        names = [field[0] for field in structure._fields_]
        return [(getattr(structure, n).offset, getattr(structure, n).size) for n in names]

    assert layout(getattr(nvml_library, ours)) == layout(getattr(pynvml, theirs))


def test_a_performance_metric_has_the_same_size() -> None:
    assert ctypes.sizeof(nvml_library.GpmMetric) == ctypes.sizeof(pynvml.c_nvmlGpmMetric_t)
    assert nvml_library.GpmMetric.value.offset == pynvml.c_nvmlGpmMetric_t.value.offset


def test_what_is_asked_of_the_performance_metrics_is_where_they_expect_it() -> None:
    ours, theirs = nvml_library.GpmMetrics, pynvml.c_nvmlGpmMetricsGet_t
    assert [ours.first.offset, ours.second.offset] == [8, 16]
    assert ours.metrics.offset == theirs.metrics.offset
    assert ctypes.sizeof(ours) >= ctypes.sizeof(theirs)
    assert nvml_library.GpmMetrics.VERSION == pynvml.NVML_GPM_METRICS_GET_VERSION
    assert ctypes.sizeof(nvml_library.GpmSupport) == ctypes.sizeof(pynvml.c_nvmlGpmSupport_t)
    assert nvml_library.GpmSupport.VERSION == pynvml.NVML_GPM_SUPPORT_VERSION


def test_the_versions_of_structures_are_theirs() -> None:
    assert pynvml.nvmlMemory_v2 == nvml_library.Memory2.VERSION
    assert pynvml.nvmlTemperature_v1 == nvml_library.Temperature.VERSION


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (nvml_library.NOT_SUPPORTED, "NVML_ERROR_NOT_SUPPORTED"),
        (nvml_library.NO_PERMISSION, "NVML_ERROR_NO_PERMISSION"),
        (nvml_library.FUNCTION_NOT_FOUND, "NVML_ERROR_FUNCTION_NOT_FOUND"),
        (nvml_library.FIELD_ENERGY, "NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION"),
        (nvml_library.FIELD_POWER_AVERAGE, "NVML_FI_DEV_POWER_AVERAGE"),
        (nvml_library.FIELD_POWER_INSTANT, "NVML_FI_DEV_POWER_INSTANT"),
        (nvml_library.FIELD_NVLINK_SENT, "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX"),
        (nvml_library.FIELD_NVLINK_RECEIVED, "NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX"),
        (nvml_library.FIELD_PCIE_SENT, "NVML_FI_DEV_PCIE_COUNT_TX_BYTES"),
        (nvml_library.FIELD_PCIE_RECEIVED, "NVML_FI_DEV_PCIE_COUNT_RX_BYTES"),
        (nvml_library.SCOPE_MODULE, "NVML_POWER_SCOPE_MODULE"),
        (nvml_library.CLOCK_SM, "NVML_CLOCK_SM"),
        (nvml_library.CLOCK_MEMORY, "NVML_CLOCK_MEM"),
        (nvml_library.GPM_SM_BUSY, "NVML_GPM_METRIC_SM_UTIL"),
        (nvml_library.GPM_TENSOR_BUSY, "NVML_GPM_METRIC_ANY_TENSOR_UTIL"),
        (nvml_library.GPM_DRAM_BUSY, "NVML_GPM_METRIC_DRAM_BW_UTIL"),
    ],
)
def test_numbers_are_theirs(ours: int, theirs: str) -> None:
    assert ours == getattr(pynvml, theirs)


def test_every_function_that_is_called_is_one_that_they_know() -> None:
    folder = Path(nvml_calls.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("nvml*.py"))
    theirs = Path(pynvml.__file__).read_text()
    called = set(re.findall(r'"(nvml[A-Z]\w+)"', source))
    assert len(called) > 15
    assert [name for name in sorted(called) if f'"{name}"' not in theirs] == []
