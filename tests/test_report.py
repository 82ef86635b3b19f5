"""The report page without a browser: what is in it, that it is safe, and that it stays small."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import only_job, run
from tests.support.records import STARTED_MS, Shape, training, write_record
from yprov_run.cli.fold import fold
from yprov_run.jobdir import JobDir
from yprov_run.merge.read import read_job
from yprov_run.report.graph import collapse
from yprov_run.report.layout import BOX_HEIGHT, BOX_WIDTH, lay_out
from yprov_run.report.markup import data, escape, tag
from yprov_run.report.series import Series, timeline

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "</script><script>alert(1)</script>",
    "\x1b[31mred\x1b[0m\x07",
    "\u202egnp.exe",
    "<!--",
    "javascript:alert(1)",
    "x" * 10_000,
)


class Page(HTMLParser):
    """The elements of a page, as a browser would see them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.data: dict[str, str] = {}
        self._within = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self._within = attributes.get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.data[self._within] = data
        self.words.append(data)

    def ids(self) -> set[str]:
        return {str(attributes["id"]) for _, attributes in self.tags if attributes.get("id")}


def _report(base: Path, shape: Shape) -> tuple[JobDir, Page]:
    directory = write_record(base, shape)
    fold(directory)
    return directory, Page(directory.report)


def test_a_merge_leaves_a_report_beside_the_document(tmp_path: Path) -> None:
    done = run("yprov-run", "--input", "/etc/passwd", "true", cwd=tmp_path)
    assert done.returncode == 0
    job = only_job(tmp_path)
    page = Page(job / "report.html")
    assert {"time", "energy", "provenance", "environment", "files", "gaps"} <= page.ids()
    assert "/etc/passwd" in page.words
    assert f"report      yprov/{job.name}/report.html" in done.stderr.decode()


def test_no_report_is_written_where_none_is_wanted(tmp_path: Path) -> None:
    done = run("yprov-run", "--no-report", "true", cwd=tmp_path)
    assert not (only_job(tmp_path) / "report.html").exists()
    assert b"report  " not in done.stderr


def test_a_report_that_cannot_be_written_leaves_the_document_and_the_status(tmp_path: Path) -> None:
    directory = write_record(tmp_path, Shape(nodes=1, gpus=1, seconds=3))
    directory.report.mkdir()
    done = run("yprov-merge", str(directory.path), cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count(b"\n") == 1
    assert b"no report" in done.stderr
    assert directory.document.is_file()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_names_are_text(text: str, tmp_path: Path) -> None:
    shape = Shape(
        name=text,
        nodes=1,
        gpus=1,
        seconds=5,
        argv=["srun", text],
        tags={text: text},
        variables={"SLURM_JOB_NAME": text},
        node_name=text[:40].replace("{", "").replace("/", "") + "{}",
        files=[{"path": f"/data/{text}", "role": "input", "size_bytes": 1, "sha256": "a" * 64}],
    )
    _, page = _report(tmp_path, shape)
    _, harmless = _report(tmp_path / "other", Shape(nodes=1, gpus=1, seconds=5))
    kinds = {name for name, _ in page.tags}
    assert kinds <= {name for name, _ in harmless.tags} | {"pre"}
    assert sum(name == "script" for name, _ in page.tags) == 5
    handlers = [key for _, attributes in page.tags for key in attributes if key.startswith("on")]
    assert handlers == []
    links = {attributes.get("href") or "" for name, attributes in page.tags if name == "a"}
    assert all(link.startswith("#") or re.fullmatch(r"[\w.]+/?", link) for link in links)
    raw = "".join(page.words)
    assert "\x1b" not in raw and "\u202e" not in raw


@given(st.text())
def test_any_text_comes_back_from_markup_as_text(text: str) -> None:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(tag)

    reader = Reader()
    reader.feed(tag("p", text, title=text))
    reader.close()
    assert found == ["p"]
    assert not set(escape(text)) & set("<>\"'\x1b\u202e")


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner)))
def test_data_for_the_script_comes_back_and_cannot_end_it(value: object) -> None:
    markup = data("x", value)
    inner = markup.partition(">")[2].rpartition("</script>")[0]
    assert "<" not in inner
    assert json.loads(inner) == value


def test_a_peak_of_one_sample_survives_the_reduction(tmp_path: Path) -> None:
    def peak(node: int, gpu: int, time_s: float) -> tuple[float, float, float]:
        return (999.0 if time_s == 1234 else 100.0), 0.5, 1.0

    directory = write_record(tmp_path, Shape(nodes=1, gpus=1, seconds=4000, load=peak))
    line = timeline(read_job(directory), directory.path)
    assert line is not None
    (power,) = line.by_quantity["gpu_power"]
    assert line.buckets <= 301
    assert max(power.high) == 9_990
    assert sum(power.number) == 4001


def test_a_fall_within_a_bucket_is_drawn_as_a_fall_and_a_rise_as_a_rise(tmp_path: Path) -> None:
    def step_down_and_up(node: int, gpu: int, time_s: float) -> tuple[float, float, float]:
        return 100.0, 0.1 if 302 <= time_s < 500 else 0.9, 1.0

    _, page = _report(tmp_path, Shape(nodes=1, gpus=1, seconds=600, load=step_down_and_up))
    chart = json.loads(page.data["chart-data"])[0]
    assert (chart["id"], chart["step"]) == ("gpu_utilisation", 2001)  # 302 s is in one with 301 s
    drawn = [value for value in chart["lines"][0]["values"] if value is not None]
    changes = [later - earlier for earlier, later in pairwise(drawn) if later != earlier]
    assert changes == [-80.0, 80.0]


def test_more_samples_than_the_budget_are_drawn_from_pieces_and_it_is_said(tmp_path: Path) -> None:
    directory = write_record(tmp_path, Shape(nodes=2, gpus=2, seconds=3600))
    job = read_job(directory)
    line = timeline(job, directory.path, budget_bytes=60_000)
    assert line is not None
    assert 0 < line.share_read < 1
    for series in line.by_quantity["gpu_power"]:
        filled = [bucket for bucket in range(line.buckets) if series.cell(bucket)]
        assert min(filled) < 10
        assert max(filled) > line.buckets - 10
        assert len(filled) > 20


def test_ten_thousand_elements_are_a_dozen_boxes_with_counts(tmp_path: Path) -> None:
    directory = write_record(tmp_path, Shape(nodes=60, gpus=8, seconds=2))
    fold(directory)
    document = json.loads(directory.document.read_text())
    graph = collapse(document)
    elements = sum(len(document[kind]) for kind in ("entity", "activity", "agent"))
    assert sum(box.count for box in graph.boxes) == elements
    assert len(graph.boxes) <= 20
    spots = [(box.x, box.y) for box in graph.boxes]
    assert len(set(spots)) == len(spots)
    counts = {box.label: box.count for box in graph.boxes}
    assert counts["node execution"] == 60
    assert counts["GPU"] == 480
    used = [e for e in graph.edges if graph.boxes[e.source].label == "GPU"]
    assert [edge.count for edge in used] == [480]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=80))
def test_boxes_do_not_touch_and_arrows_that_pass_them_keep_their_distance(
    pairs: list[tuple[int, int]],
) -> None:
    places = lay_out(31, pairs)
    for place, (left, top) in enumerate(places.corners):
        assert left > 0 and left + BOX_WIDTH < places.width
        assert top > 0 and top + BOX_HEIGHT < places.height
        below = [y for x, y in places.corners[place + 1 :] if x == left]
        assert all(abs(y - top) > BOX_HEIGHT for y in below)
    for (source, target), way in places.ways.items():
        assert source != target
        for x, y in way:
            passed = [top for left, top in places.corners if left == x]
            assert not any(top <= y <= top + BOX_HEIGHT for top in passed)


def test_a_graph_with_circles_and_foreign_shapes_still_has_places() -> None:
    document = {
        "entity": {"a": {}, "b": {"prov:type": "x:B"}, "c": [{"prov:type": "x:C"}, 5]},
        "activity": "nonsense",
        "wasDerivedFrom": {
            "1": {"prov:generatedEntity": "a", "prov:usedEntity": "b"},
            "2": {"prov:generatedEntity": "b", "prov:usedEntity": "a"},
            "3": {"prov:generatedEntity": "c", "prov:usedEntity": "nowhere"},
        },
    }
    graph = collapse(document)
    assert {box.label for box in graph.boxes} == {"entity", "B", "C"}
    assert len(graph.edges) == 2


def test_a_thousand_nodes_are_a_band_and_a_heat_map_in_a_small_page(tmp_path: Path) -> None:
    directory, page = _report(
        tmp_path, Shape(nodes=200, gpus=2, seconds=20, load=training, started_ms=STARTED_MS)
    )
    charts = {chart["id"]: chart for chart in json.loads(page.data["chart-data"])}
    chart = charts["gpu_utilisation"]
    assert [line["label"] for line in chart["lines"]] == [
        "highest of all", "mean of all", "lowest of all",
    ]  # fmt: skip
    assert len(chart["heat"]["rows"]) == 200
    assert len(chart["worst"]) == 8
    assert directory.report.stat().st_size < 2_000_000


def test_other_parts_of_a_node_have_a_chart_and_an_energy_by_their_names(tmp_path: Path) -> None:
    shape = Shape(nodes=1, gpus=1, seconds=20, zones=("package-0", "package-1"))
    _, page = _report(tmp_path, shape)
    charts = {chart["id"]: chart for chart in json.loads(page.data["chart-data"])}
    labels = [line["label"] for line in charts["zone_power"]["lines"]]
    assert labels == ["node0000 cpu package-0", "node0000 cpu package-1"]
    assert charts["zone_power"]["unit"] == "W"
    assert "cpu package-1" in page.words


def test_a_silent_node_and_a_signal_are_marked(tmp_path: Path) -> None:
    shape = Shape(nodes=3, gpus=1, seconds=60, exit_status=None, signal=15, dies_s={1: 20.0})
    _, page = _report(tmp_path, shape)
    marks = [mark["label"] for mark in json.loads(page.data["mark-data"])]
    assert "step 0 killed by SIGTERM" in marks
    assert "node0001: last sample" in marks


def test_of_many_marks_the_first_and_the_last_stand_and_the_others_are_counted(
    tmp_path: Path,
) -> None:
    dies_s = {node: 10.0 + node for node in range(50)}
    _, page = _report(tmp_path, Shape(nodes=51, gpus=1, seconds=90, dies_s=dies_s))
    marks = [mark["label"] for mark in json.loads(page.data["mark-data"])]
    assert len(marks) == 40
    assert marks[0] == "step 0 starts"
    assert marks[-1] == "step 0 completed"
    assert marks[-2] == "node0049: last sample"
    assert "13 more marks, not drawn" in marks  # of 52, with 39 that are


def test_a_value_that_is_read_in_turn_stands_until_the_next_and_a_hole_stays_a_hole() -> None:
    series = Series(0, "n1", 0, buckets=30)
    for bucket in (0, 4, 8, 20, 24):
        series.add(bucket, [50 + bucket])
    series.bridge()
    drawn = [None if (cell := series.cell(bucket)) is None else cell[0] for bucket in range(30)]
    assert drawn[:12] == [50] * 4 + [54] * 4 + [58] + [None] * 3
    assert drawn[20:] == [70] * 4 + [74] * 4 + [None] * 2


def test_a_value_that_is_read_for_every_bucket_is_drawn_as_it_was_read() -> None:
    series = Series(0, "n1", 0, buckets=10)
    for bucket in (0, 1, 2, 5, 6):
        series.add(bucket, [bucket])
    series.bridge()
    assert [series.cell(bucket) is None for bucket in range(10)] == [
        bucket in {3, 4, 7, 8, 9} for bucket in range(10)
    ]
