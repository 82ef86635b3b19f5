"""Energy against the fake GPUs' exact integral: inside the stated bound, whatever the wave."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.replay import StoppedClock, fake_gpus, sampled
from yprov_run.merge.brief import brief
from yprov_run.merge.energy import Energy, Seen, device_energy
from yprov_run.merge.stats import readings
from yprov_run.merge.totals import totals
from yprov_run.model import QUANTITIES, Column, ColumnStats, Device, DeviceUse, Json, NodeExecution
from yprov_run.trace.reduction import Reduction

START_S = 1_800_000_000.0
MEAN_W, SWING_W = 300.0, 100.0


def true_energy_j(start_s: float, end_s: float, period_s: float, square: bool) -> float:
    """Return the energy of GPU 0 of tests/fakes/nvml.c, integrated exactly."""

    def part(t_s: float) -> float:
        phase = math.fmod((t_s - 1767225600.0) / period_s, 1.0)
        if square:
            return SWING_W * period_s * (phase if phase < 0.5 else 1 - phase)
        return SWING_W * period_s / (2 * math.pi) * (1 - math.cos(2 * math.pi * phase))

    return MEAN_W * (end_s - start_s) + part(end_s) - part(start_s)


def _use(
    library: Path, knobs: dict[str, str], lasts_s: float, start_s: float, late_s: float = 0.0,
    interval_s: float = 1.0,
) -> DeviceUse:  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("FAKE_NVML_GPUS", "1")
        for name, value in knobs.items():
            patch.setenv(f"FAKE_NVML_{name}", value)
        time = StoppedClock(library, start_s)
        try:
            node = sampled(
                Path(folder), time, fake_gpus(library), lasts_s, interval_s, lambda _: late_s
            )
        finally:
            time.move(-1)
        return node.devices[0]


@pytest.mark.parametrize(("lasts_s", "share"), [(10, 0.015), (60, 0.003), (600, 0.0005)])
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    period_s=st.floats(0.05, 30.0),
    offset_s=st.floats(0.0, 60.0),
    update_ms=st.sampled_from([0, 20, 100]),
    square=st.booleans(),
)
def test_the_true_energy_lies_within_the_stated_bound(
    fake_nvml: Path,
    lasts_s: int,
    share: float,
    period_s: float,
    offset_s: float,
    update_ms: int,
    square: bool,
) -> None:
    knobs = {"PERIOD_S": repr(period_s), "UPDATE_MS": str(update_ms)}
    if square:
        knobs["SQUARE"] = "1"
    start_s = START_S + offset_s
    use = _use(fake_nvml, knobs, lasts_s, start_s)
    assert use.energy_j is not None
    assert use.energy_bound_j is not None
    truth_j = true_energy_j(start_s, start_s + lasts_s, period_s, square)
    assert abs(use.energy_j - truth_j) <= use.energy_bound_j
    if not square:  # whose power may be much lower in the middle than at both ends
        assert use.energy_bound_j < share * use.energy_j
    assert use.energy_source == "energy counter"


def test_a_grace_hopper_module_is_read_to_the_end_and_bounded_as_a_gpu(
    fake_nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_NVML_GPUS", "1")
    monkeypatch.setenv("FAKE_NVML_MODULE", "1")
    time = StoppedClock(fake_nvml, START_S)
    sensor = fake_gpus(fake_nvml)
    last = dict(zip((column.name for column in sensor.columns), sensor.read_last(), strict=True))
    node = sampled(tmp_path, time, sensor, 60)
    time.move(-1)
    assert last["zone1_energy_dj"] is not None
    assert last["zone1_power_dw"] is not None
    (module,) = node.zones
    truth_j = true_energy_j(START_S, START_S + 60, 7, square=False) + 60 * 100
    assert module.energy_j is not None
    assert module.energy_bound_j is not None
    assert abs(module.energy_j - truth_j) <= module.energy_bound_j < 0.003 * truth_j
    assert module.update_s == pytest.approx(0.025, abs=0.006)


@pytest.mark.parametrize("update_ms", [5, 20, 50, 100])
def test_the_update_period_is_seen_and_never_taken_for_shorter(
    fake_nvml: Path, update_ms: int
) -> None:
    use = _use(fake_nvml, {"UPDATE_MS": str(update_ms)}, 10, START_S + 0.0123)
    assert use.update_s is not None
    assert update_ms / 1000 <= use.update_s <= update_ms / 1000 + 0.012


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(period_s=st.floats(0.05, 30.0), offset_s=st.floats(0, 60), per_s=st.sampled_from([1, 2, 10]))
def test_without_a_counter_the_trapezoid_lies_within_its_wider_bound(
    fake_nvml: Path, period_s: float, offset_s: float, per_s: int
) -> None:
    start_s = START_S + offset_s
    knobs = {"PERIOD_S": repr(period_s), "NO_COUNTER": "1"}
    use = _use(fake_nvml, knobs, 30, start_s, interval_s=1 / per_s)
    truth_j = true_energy_j(start_s, start_s + 30, period_s, square=False)
    assert use.energy_source == "trapezoid of power samples"
    assert use.energy_j is not None
    assert use.energy_bound_j is not None
    assert abs(use.energy_j - truth_j) <= use.energy_bound_j


def test_where_power_between_samples_is_unknown_no_bound_is_claimed(fake_nvml: Path) -> None:
    old = {"NO_COUNTER": "1", "OLD": "1"}
    assert _use(fake_nvml, old, 10, START_S).energy_bound_j is None
    assert _use(fake_nvml, {"NO_COUNTER": "1"}, 30, START_S, interval_s=5).energy_bound_j is None


def _square_j(start_s: float, end_s: float, period_s: float, phase: float = 0.0) -> float:
    """Return the energy of a square wave of 700 and 100 W."""

    def until(t_s: float) -> float:
        turns = t_s / period_s + phase
        whole = math.floor(turns)
        return period_s * (400 * whole + 700 * min(turns - whole, 0.5)
                           + 100 * max(turns - whole - 0.5, 0.0))  # fmt: skip

    return until(end_s) - until(start_s)


def _from_means(
    times_s: Sequence[float], lasts_s: float, interval_s: float, period_s: float, phase: float
) -> Energy:
    """Return the energy by means over a second, read at these times, of a square wave."""
    column = Column(QUANTITIES["gpu_power"], 0)
    reduction = Reduction([column], interval_s)
    for time_s in times_s:
        mean_w = _square_j(time_s - 1, time_s, period_s, phase)
        reduction.add(round(1000 * time_s), [round(10 * mean_w)])
    figures = cast("dict[str, dict[str, Json]]", reduction.as_json())
    power = readings(column, figures["columns"][column.name])
    device = Device(0, "GPU-a", "H100", power_limit_w=700.0, power_window_s=1.0)
    found = device_energy(
        Seen(device, None, power, None, figures["devices"]["0"], None, None, None, 0,
             round(1000 * lasts_s), interval_s)
    )  # fmt: skip
    assert found is not None
    return found


def test_means_of_a_second_that_were_read_every_three_leave_two_thirds_in_doubt() -> None:
    found = _from_means(range(0, 601, 3), 600, 1.0, 3.0, 0.49 + 1 / 3)
    truth_j = _square_j(0, 600, 3.0, 0.49 + 1 / 3)
    assert abs(found.total_j - truth_j) > 50_000
    assert found.bound_j is not None
    assert abs(found.total_j - truth_j) <= found.bound_j


def test_a_reading_that_is_missing_widens_the_bound_by_what_it_leaves_out() -> None:
    every, without = (
        _from_means([t for t in range(601) if t not in missing], 600, 1.0, 7.0, 0.0)
        for missing in ((), (100, 300))
    )
    assert every.bound_j is not None
    assert without.bound_j == pytest.approx(every.bound_j + 2 * 700)


@settings(max_examples=300, deadline=None)
@given(
    per_s=st.sampled_from([1, 2, 10]),
    period_s=st.sampled_from([0.3, 0.5, 1.5, 2.0, 3.0]) | st.floats(0.2, 30.0),
    phase=st.floats(0.0, 1.0),
    data=st.data(),
)
def test_whatever_readings_are_missing_the_true_energy_lies_within_the_stated_bound(
    per_s: int, period_s: float, phase: float, data: st.DataObject
) -> None:
    count = 120 * per_s
    kept = data.draw(st.lists(st.integers(0, count), unique=True))
    regular = range(0, count + 1, data.draw(st.integers(1, 3 * per_s)))
    times = sorted({*kept, *regular, 0, count})
    found = _from_means([t / per_s for t in times], 120, 1 / per_s, period_s, phase)
    assert found.bound_j is not None
    assert abs(found.total_j - _square_j(0, 120, period_s, phase)) <= found.bound_j


def test_both_estimators_are_kept_with_their_disagreement(fake_nvml: Path) -> None:
    use = _use(fake_nvml, {"PERIOD_S": "7"}, 60, START_S)
    assert use.energy_j is not None
    assert use.energy_second_j is not None
    assert use.energy_disagreement is not None
    assert use.energy_second_j == pytest.approx(
        use.energy_j * (1 + use.energy_disagreement), rel=1e-3
    )
    assert 0 < abs(use.energy_disagreement) < 0.02


@pytest.mark.parametrize(
    ("knobs", "what"),
    [
        ({"RESET_S": "31.5"}, "began anew"),
        ({"FREEZE_S": "20", "THAW_S": "40"}, "stood still"),
        ({"FREEZE_S": "40"}, "stood still to the end"),
    ],
)
def test_a_counter_that_failed_is_bridged_by_the_power(
    fake_nvml: Path, knobs: dict[str, str], what: str
) -> None:
    use = _use(fake_nvml, {"PERIOD_S": "7", **knobs}, 60, START_S)
    truth_j = true_energy_j(START_S, START_S + 60, 7, square=False)
    assert use.energy_j is not None
    assert use.energy_bound_j is not None
    assert abs(use.energy_j - truth_j) <= use.energy_bound_j
    assert use.energy_j == pytest.approx(truth_j, rel=0.03)
    assert use.energy_source == "energy counter, trapezoid of power samples where it failed"
    assert (use.energy_segments > 1) == ("end" not in what)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    timing=st.sampled_from([(5, 1.0), (60, 1.0), (60, 0.1), (600, 10.0)]),
    share=st.floats(0.02, 0.98),
    stands=st.just(1.0) | st.floats(0.01, 0.5),
    period_s=st.floats(0.5, 30.0),
)
def test_whenever_a_counter_stops_the_true_energy_lies_within_the_stated_bound(
    fake_nvml: Path, timing: tuple[int, float], share: float, stands: float, period_s: float
) -> None:
    lasts_s, interval_s = timing
    knobs = {
        "PERIOD_S": repr(period_s),
        "FREEZE_S": repr(share * lasts_s),
        "THAW_S": repr((share + stands) * lasts_s),
    }
    if share + stands < 1 and stands * lasts_s < 2 * interval_s:
        return  # it may move on before anybody could see that it stood
    use = _use(fake_nvml, knobs, lasts_s, START_S, interval_s=interval_s)
    truth_j = true_energy_j(START_S, START_S + lasts_s, period_s, square=False)
    assert use.energy_j is not None
    assert use.energy_bound_j is not None
    assert abs(use.energy_j - truth_j) <= use.energy_bound_j


_ROWS = tuple((1000 * second, 100.0 * second) for second in range(61))  # ms, J: 100 W


def _from_counter(
    rows: Sequence[tuple[int, float]], power_w: float | None = 100.0, limit_w: float = 400.0
) -> Energy:
    """Return the energy by a counter, seen to update every 20 ms, over the time of its readings."""
    energy_at, power_at = Column(QUANTITIES["gpu_energy"], 0), Column(QUANTITIES["gpu_power"], 0)
    columns = [energy_at] if power_w is None else [energy_at, power_at]
    reduction = Reduction(columns, 1.0)
    for time_ms, energy_j in rows:
        power = None if power_w is None else round(10 * power_w)
        reduction.add(time_ms, [round(10 * energy_j), power][: len(columns)])
    figures = cast("dict[str, dict[str, Json]]", reduction.as_json())
    found = device_energy(
        Seen(Device(0, "GPU-a", "H100", power_limit_w=limit_w),
             readings(energy_at, figures["columns"][energy_at.name]),
             readings(power_at, figures["columns"].get(power_at.name)), None,
             figures["devices"]["0"], 21, 20, 20, rows[0][0], rows[-1][0], 1.0)
    )  # fmt: skip
    assert found is not None
    return found


@pytest.mark.parametrize("power_w", [100.0, None])
@pytest.mark.parametrize(("since_s", "to_s"), [(20, 25), (55, 60), (58, 60), (0, 4)])
def test_what_a_counter_loses_while_it_stands_is_in_the_bound(
    power_w: float | None, since_s: int, to_s: int
) -> None:
    lost = [(ms, j - 100 * min(max(ms / 1000 - since_s, 0), to_s - since_s)) for ms, j in _ROWS]
    found = _from_counter(lost, power_w)
    assert found.bound_j is not None
    assert abs(found.total_j - 6000) <= found.bound_j
    assert found.total_j == pytest.approx(6000 if power_w else lost[-1][1], rel=0.01)


@pytest.mark.parametrize("again_ms", [1, 2])
def test_a_second_reading_within_an_update_costs_nothing(again_ms: int) -> None:
    plain = _from_counter(_ROWS)
    twice = _from_counter([*_ROWS[:2], (1000 + again_ms, 100.0), *_ROWS[2:]])
    assert (twice.total_j, twice.bound_j, twice.update_s) == pytest.approx(
        (plain.total_j, plain.bound_j, plain.update_s)
    )


def test_one_update_between_two_close_readings_is_no_power() -> None:
    close = _from_counter([*_ROWS, (60_002, 6030.0)], limit_w=700.0)
    assert close.bound_j is not None
    assert close.bound_j < 20


def test_where_a_failed_counter_has_no_power_beside_it_its_own_mean_is_taken_and_named() -> None:
    hole = [(ms + 180_000 * (ms > 20_000), j - 2000 * (ms > 20_000)) for ms, j in _ROWS]
    for power_w in (100.0, None):
        found = _from_counter(hole, power_w)
        assert found.total_j == pytest.approx(100 * 240, rel=0.01)
        assert found.source == "energy counter, its own mean where it failed"


def test_readings_that_come_late_are_inside_the_bound(fake_nvml: Path) -> None:
    use = _use(fake_nvml, {"PERIOD_S": "0.11", "UPDATE_MS": "100"}, 10, START_S, late_s=0.0019)
    truth_j = true_energy_j(START_S, START_S + 10, 0.11, square=False)
    assert use.energy_j is not None
    assert use.energy_bound_j is not None
    assert abs(use.energy_j - truth_j) <= use.energy_bound_j


def test_idle_time_and_energy_and_throttling_are_told_per_device(
    fake_nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = {"GPUS": "4", "IDLE_GPU": "1", "THROTTLED_GPU": "2"}
    for name, value in knobs.items():
        monkeypatch.setenv(f"FAKE_NVML_{name}", value)
    time = StoppedClock(fake_nvml, START_S)
    node = sampled(tmp_path, time, fake_gpus(fake_nvml), 60)
    time.move(-1)
    busy, idle, throttled, _ = node.devices
    assert (busy.idle_share, busy.idle_energy_j) == (0.0, 0.0)
    assert idle.idle_share == 1.0
    assert idle.idle_energy_j == pytest.approx(idle.energy_j, rel=0.01)
    assert (busy.throttled_share, throttled.throttled_share) == (0.0, 1.0)
    assert throttled.throttled_by == (("heat", 1.0),)
    assert busy.coverage == 1.0
    figures = totals([node])
    assert figures.idle_share == 0.25
    assert figures.throttled_share == pytest.approx(0.25, abs=0.01)  # read in turn
    # The fake's GPUs are busy 40, 0, 80 and 40 %.
    assert figures.device_imbalance == pytest.approx(1 - (0.4 + 0.8 + 0.4) / 4 / 0.8)
    words = {straggler.name.split(" (")[0]: straggler.what for straggler in figures.stragglers}
    assert words["GPU 2 on n1"].endswith("held back by heat for 100% of the time")


def test_the_hosts_own_figures_do_not_hide_a_hole(tmp_path: Path) -> None:
    reduction = Reduction([Column(QUANTITIES["gpu_power"], 0)], 1.0)
    for time_ms in (0, 1000, 2000, 60_000, 61_000):
        reduction.add(time_ms, [1000])
    devices = reduction.as_json()["devices"]
    assert isinstance(devices, dict)
    assert devices["0"]["covered_ms"] == 3000


def _zone(name: str, kind: str, energy_j: float, source: str, parent: str = "") -> DeviceUse:
    device = Device(0, name, name, kind=kind, source=source, parent=parent)
    return DeviceUse(device, energy_j=energy_j, energy_source="energy counter", energy_bound_j=1.0)


def _node(*uses: DeviceUse) -> NodeExecution:
    return NodeExecution(
        "n1-0", "n1", "n1", 0, 0, 10_000, 0, 10_000, True, False,
        devices=tuple(use for use in uses if use.device.kind == "gpu"),
        zones=tuple(use for use in uses if use.device.kind != "gpu"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("uses", "scopes", "total_j"),
    [
        ([("g", "gpu", 100, "nvml"), ("p", "cpu", 40, "rapl"), ("d", "memory", 5, "rapl")],
         ("gpu", "cpu", "memory"), 145),
        ([("g", "gpu", 100, "nvml"), ("m", "module", 190, "nvml"), ("c", "cpu", 60, "hwmon")],
         ("module",), 190),
        ([("g", "gpu", 100, "amdgpu"), ("a", "module", 110, "pm_counters"),
          ("n", "node", 300, "pm_counters")], ("node",), 300),
        ([("p", "cpu", 40, "rapl"), ("s", "platform", 70, "rapl"), ("k", "core", 20, "rapl")],
         ("cpu",), 40),
        ([("p", "cpu", 40, "rapl"), ("c", "cpu", 41, "pm_counters")], ("cpu",), 41),
        ([("m", "module", 190, "nvml"), ("h", "module", 191, "hwmon")], ("module",), 190),
    ],
)  # fmt: skip
def test_no_joule_is_counted_in_two_scopes(
    uses: list[tuple[str, str, float, str]], scopes: tuple[str, ...], total_j: float
) -> None:
    node = _node(*(_zone(name, kind, energy, source) for name, kind, energy, source in uses))
    figures = totals([node])
    assert figures.measured_scopes == scopes
    assert figures.measured_energy_j == total_j


def test_a_device_without_energy_leaves_the_others_without_a_bound_unless_another_counts_it() -> (
    None
):
    known, silent = _zone("a", "gpu", 100, "nvml"), DeviceUse(Device(1, "b", "b"))
    figures = totals([_node(known, silent)])
    (gpus,) = figures.energy_scopes
    assert (gpus.devices, gpus.silent, gpus.energy_j, gpus.bound_j) == (1, 1, 100, None)
    assert (figures.energy_bound_j, figures.measured_bound_j) == (None, None)
    assert brief(_node(known, silent)).energy_bound_j is None
    second_die = DeviceUse(replace(silent.device, note="its power is in the other die's"))
    assert totals([_node(known, second_die)]).energy_bound_j == 1


def test_a_step_of_modules_beside_one_of_gpus_counts_each_node_at_its_widest() -> None:
    wide = _node(_zone("g", "gpu", 100, "nvml"), _zone("n", "node", 300, "pm_counters"))
    narrow = replace(_node(_zone("g2", "gpu", 90, "nvml")), name="n2", key="n2-0")
    assert totals([wide, narrow]).measured_energy_j == 390


def test_two_hosts_of_one_name_are_two_nodes() -> None:
    first = _node(_zone("package-0", "cpu", 1000, "rapl"))
    second = replace(first, key="n1-1")
    (cpu,) = totals([first, second]).energy_scopes
    assert (cpu.devices, cpu.energy_j, cpu.bound_j) == (2, 2000, 2)


def _lasting(node: NodeExecution, started_ms: int, ended_ms: int) -> NodeExecution:
    return replace(node, started_ms=started_ms, ended_ms=ended_ms)


def test_where_a_nodes_meter_failed_in_one_of_two_steps_at_once_the_other_tells_all() -> None:
    metered = _node(_zone("g", "gpu", 30, "nvml"), _zone("n", "node", 60, "pm_counters"))
    failed = _node(_zone("g", "gpu", 30, "nvml"))
    for steps in ([metered, failed], [failed, metered]):
        figures = totals(steps)
        assert figures.measured_scopes == ("node",)
        assert (figures.measured_energy_j, figures.measured_bound_j) == (60, 1)


def test_of_a_step_that_outlasts_the_nodes_meter_only_the_rest_is_counted_by_its_parts() -> None:
    metered = _lasting(_node(_zone("n", "node", 60, "pm_counters")), 2000, 6000)
    failed = _lasting(_node(_zone("g", "gpu", 100, "nvml")), 0, 10_000)
    figures = totals([metered, failed])
    assert figures.measured_scopes == ("node", "gpu")
    assert figures.measured_energy_j == pytest.approx(60 + 60)
    # What of the GPU's energy was drawn beside the meter is not known: all of it, or nothing.
    assert figures.measured_bound_j == pytest.approx(1 + 1 + 60)


def test_of_steps_that_touch_little_is_in_doubt() -> None:
    metered = _lasting(_node(_zone("n", "node", 60, "pm_counters")), 0, 5010)
    gpu = _zone("g", "gpu", 2000, "nvml")
    limited = gpu._replace(device=replace(gpu.device, power_limit_w=400.0))
    figures = totals([metered, _lasting(_node(limited), 5000, 10_000)])
    assert figures.measured_energy_j == pytest.approx(60 + 2000 - 4)
    assert figures.measured_bound_j == pytest.approx(1 + 1 + 4)


def test_steps_one_after_the_other_count_each_at_its_widest() -> None:
    metered = _lasting(_node(_zone("n", "node", 60, "pm_counters")), 0, 4000)
    failed = _lasting(_node(_zone("g", "gpu", 30, "nvml")), 4000, 8000)
    assert totals([metered, failed]).measured_energy_j == 90


def test_a_source_that_failed_in_one_of_two_steps_at_once_is_not_added_to_the_other() -> None:
    best = _node(_zone("c", "cpu", 41, "pm_counters"), _zone("p", "cpu", 40, "rapl"))
    second = _node(_zone("p", "cpu", 40, "rapl"))
    figures = totals([best, second])
    assert (figures.measured_energy_j, figures.measured_bound_j) == (41, 1)
    assert [(scope.kind, scope.energy_j) for scope in figures.energy_scopes] == [("cpu", 41)]


def _gpu(name: str, energy_j: float, second_j: float | None, counted_j: float) -> DeviceUse:
    """Return a GPU's use; `counted_j` is the part that the counter covers."""
    return DeviceUse(
        Device(0, name, name), energy_j=energy_j, energy_second_j=second_j,
        energy_disagreement=None if second_j is None else second_j / counted_j - 1,
    )  # fmt: skip


def test_a_gpu_without_a_counter_counts_in_the_second_estimate_as_in_the_first() -> None:
    counted, sampled_only = _gpu("a", 110.0, 102.0, 100.0), _gpu("b", 100.0, None, 0.0)
    assert totals([_node(counted, sampled_only)]).energy_second_j == pytest.approx(212.0)
    assert totals([_node(sampled_only)]).energy_second_j is None


def test_a_counter_that_grows_while_the_power_reads_nothing_has_no_second_estimate() -> None:
    silent = _gpu("a", 110.0, 0.0, 100.0)
    assert totals([_node(silent)]).energy_second_j is None
    assert totals([_node(silent, _gpu("b", 50.0, 51.0, 50.0))]).energy_second_j == 161.0


def test_steps_that_overlap_in_part_are_bound_by_what_the_shared_time_may_have_drawn() -> None:
    """600 W until 60 s, then 100 W: the second step's 11 kJ are not even over its time."""
    gpu = _zone("g", "gpu", 36_000, "nvml")
    first = _lasting(_node(gpu), 0, 60_000)
    device = replace(gpu.device, power_limit_w=700.0)
    second = _lasting(_node(gpu._replace(device=device, energy_j=11_000)), 50_000, 110_000)
    figures = totals([first, second])
    assert figures.energy_j == pytest.approx(36_000 + 11_000 * 5 / 6)
    assert figures.energy_j is not None and figures.energy_bound_j is not None
    assert abs(figures.energy_j - 41_000) <= figures.energy_bound_j < 6_000


def test_what_several_steps_saw_at_once_has_the_weight_of_one() -> None:
    def use(name: str, power_w: float, busy: float) -> DeviceUse:
        return _zone(name, "gpu", 10 * power_w, "nvml")._replace(
            power=ColumnStats(10, power_w, power_w, 10_000),
            utilisation=ColumnStats(10, busy, busy, 10_000),
            idle_s=0.0 if busy else 10.0, use_known_s=10.0, peak_power_w=power_w + 5, coverage=1.0,
        )  # fmt: skip

    busy, idle = use("a", 600.0, 0.8), use("b", 200.0, 0.0)
    figures = totals([_node(busy, idle), _node(busy), _node(busy)])
    assert (figures.mean_power_w, figures.mean_utilisation) == (400.0, 0.4)
    assert (figures.idle_share, figures.energy_j, figures.max_power_w) == (0.5, 8000, 605.0)
