"""The examples of how to extend the program work as they stand on their pages."""

from __future__ import annotations

import csv
import io
import json
import re
import types
from pathlib import Path
from typing import Any

from tests.support import pages
from tests.support.commands import REPOSITORY, only_job, run
from yprov_run.agent.sensors.base import Joined, Sensor, SensorAbsentError
from yprov_run.launchers.grammar import Placement


def _example(page: str) -> Any:
    """Return a page's one titled block of Python as a module."""
    (block,) = [one for one in pages.blocks(page) if one.language == "python" and one.title]
    module = types.ModuleType(block.title.removesuffix(".py"))
    exec(compile(block.text, block.place, "exec"), module.__dict__)
    return module


def test_the_example_of_a_sensor_is_one(tmp_path: Path) -> None:
    battery = _example("docs/extending/sensor.md")
    supply = tmp_path / "class/power_supply/BAT0"
    supply.mkdir(parents=True)
    for name, text in (("type", "Battery"), ("power_now", "12345678"), ("model_name", "X1")):
        (supply / name).write_text(text + "\n")
    (tmp_path / "class/power_supply/AC").mkdir()
    (tmp_path / "class/power_supply/AC/type").write_text("Mains\n")
    sensor: Sensor = battery.BatterySensor(str(tmp_path))
    joined = Joined([sensor])
    assert [device.uuid for device in joined.devices] == ["battery:BAT0"]
    assert [column.name for column in joined.columns] == ["zone0_power_dw"]
    assert joined.read() == [123]
    assert (joined.read_last(), joined.counters(), joined.problems()) == ([123], [], [])
    (supply / "power_now").write_text("")
    assert joined.read() == [None]


def test_a_machine_without_the_examples_source_lacks_nothing(tmp_path: Path) -> None:
    try:
        _example("docs/extending/sensor.md").BatterySensor(str(tmp_path))
    except SensorAbsentError as error:
        assert "battery" in str(error)
    else:
        raise AssertionError("no battery is there")


def test_the_example_of_a_launcher_finds_the_program() -> None:
    place = _example("docs/extending/launcher.md").place
    words = [
        "fleet",
        "run",
        "-n4",
        "--hosts",
        "a,b",
        "--env",
        "A",
        "1",
        "-v",
        "./solver",
        "-n",
        "3",
    ]
    found: Placement = place(words, "")
    assert [words[index] for index in found.positions] == ["./solver"]
    assert place(["fleet", "list"], "") is None
    assert place(["srun", "true"], "") is None
    several = ["fleet", "run", "-n", "1", "./a", ":", "-n", "2", "./b"]
    assert [several[index] for index in place(several, "").positions] == ["./a", "./b"]


def test_the_example_of_a_launcher_leaves_alone_what_it_does_not_know() -> None:
    found = _example("docs/extending/launcher.md").place(["fleet", "run", "--new", "./a"], "")
    assert found.positions == ()
    assert "--new" in found.warning


def test_the_example_of_a_format_has_each_relation(tmp_path: Path) -> None:
    run("yprov-run", "-q", "sh", "-c", "echo 1 > out.txt", cwd=tmp_path)
    document = json.loads((only_job(tmp_path) / "prov.json").read_text())
    table = _example("docs/extending/format.md").edges(document).decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    kinds = ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith", "wasInformedBy")
    assert len(rows) == sum(len(document.get(kind, {})) for kind in kinds)
    assert {"used", "wasGeneratedBy"} <= {row["kind"] for row in rows}


def test_every_file_and_name_that_the_pages_point_to_is_there() -> None:
    for page in pages.names():
        text = pages.read(page)
        for path in re.findall(
            r"`((?:yprov_run|tests|benchmarks|slurm_templates)/[\w./-]+)`", text
        ):
            assert (REPOSITORY / path).exists(), f"{page}: {path}"
    for page, path, name in (
        ("sensor", "yprov_run/agent/sensors/present.py", "driver_sensors"),
        ("sensor", "yprov_run/measures.py", "QUANTITIES"),
        ("launcher", "yprov_run/launchers/__init__.py", "OTHER_COMMANDS"),
        ("launcher", "yprov_run/launchers/__init__.py", "_grammars"),
        ("format", "yprov_run/export/formats.py", "_SERIALIZERS"),
        ("format", "yprov_run/cli/provformat.py", "Format"),
    ):
        assert f"`{name}`" in pages.read(f"docs/extending/{page}.md")
        assert name in (REPOSITORY / path).read_text()
