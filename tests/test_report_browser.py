"""The report in a real browser: charts are drawn, a box opens, nothing is complained of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.records import Shape, idle_last, imbalanced, multiply, write_record
from tests.test_report import HOSTILE
from yprov_run.cli.fold import fold

JOBS = {
    "good": Shape(seconds=120),
    "idle GPU": Shape(seconds=120, load=idle_last),
    "imbalanced": Shape(seconds=120, load=imbalanced),
    "killed": Shape(seconds=120, exit_status=None, signal=9, dies_s={2: 40.0}, has_end=False),
    "no GPU": Shape(seconds=30, gpus=0),
    "many nodes": Shape(nodes=150, gpus=4, seconds=30, load=imbalanced),
    "hostile": Shape(name=HOSTILE[1], nodes=2, seconds=30, argv=HOSTILE, node_name="<b>{}</b>"),
}
# How many different colours a canvas shows: an empty one has one.
_COLOURS = """[...document.querySelectorAll('.uplot canvas')].map((canvas) => {
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let i = 0; i < pixels.length; i += 4)
    if (pixels[i + 3] > 200) colours.add(`${pixels[i]},${pixels[i + 1]},${pixels[i + 2]}`);
  return colours.size;
})"""


@pytest.fixture(scope="module", params=JOBS)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = write_record(tmp_path_factory.mktemp("report"), JOBS[request.param])
    fold(directory)
    return directory.report


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_chart_is_drawn_and_the_console_is_silent(
    chromium: Browser, page: Path, dark: bool
) -> None:
    chromium.open(page, dark=dark)
    chromium.wait_for("document.querySelectorAll('.uplot canvas').length > 0")
    charts = chromium.ask("JSON.parse(document.getElementById('chart-data').textContent).length")
    drawn = chromium.ask(_COLOURS)
    assert len(drawn) == charts > 0
    assert min(drawn) >= 3
    paper = chromium.ask("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is not dark
    assert chromium.complaints() == []


def test_a_box_of_the_graph_opens_by_a_click_and_closes_by_the_next(
    chromium: Browser, page: Path
) -> None:
    chromium.open(page)
    assert chromium.ask("document.getElementById('box').childElementCount") == 0
    chromium.click(".graph .box.activity")
    chromium.wait_for("document.querySelectorAll('#box details').length > 0")
    assert "job: 1" in chromium.ask("document.getElementById('box').textContent")
    assert chromium.ask("document.querySelectorAll('.box[aria-expanded=true]').length") == 1
    chromium.click(".graph .box.activity")
    chromium.wait_for("document.getElementById('box').childElementCount === 0")
    assert chromium.complaints() == []


def test_keys_open_a_box_and_read_a_chart(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    press = (
        "(selector, key) => {const e = document.querySelector(selector); e.focus();"
        "e.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))}"
    )
    chromium.ask(f"({press})('.graph .box', 'Enter')")
    assert chromium.ask("document.querySelectorAll('#box details').length") > 0
    chromium.ask(f"({press})('.plot', 'ArrowRight')")
    chromium.wait_for("document.querySelector('.readout').textContent.includes('UTC')")
    chromium.ask(f"({press})('.plot', '+')")
    assert chromium.complaints() == []


def test_a_search_leaves_only_what_it_names(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    shown = "[...document.querySelectorAll('#environment dt')].filter((t) => !t.hidden).length"
    everything = chromium.ask(shown)
    search = "document.querySelector('#environment input')"
    chromium.ask(
        f"{search}.value = 'yprov_run_nowhere', {search}.dispatchEvent(new Event('input'))"
    )
    assert chromium.ask(shown) == 0 < everything


def test_a_page_changes_from_light_to_dark_by_its_button(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.click("#theme")
    assert chromium.ask("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
    assert chromium.complaints() == []


def test_a_script_from_elsewhere_does_not_run(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.ask(
        "(() => {const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
        "document.body.append(s)})()"
    )
    assert chromium.ask("window.bad === undefined")
    assert any("Content Security Policy" in words for words in chromium.complaints())


def test_one_idle_node_is_seen_among_a_thousand(chromium: Browser, tmp_path: Path) -> None:
    shape = Shape(
        nodes=1000,
        gpus=1,
        seconds=5,
        load=lambda node, gpu, time_s: (300.0, 0.0 if node == 333 else 0.9, 10.0),
    )
    directory = write_record(tmp_path, shape)
    fold(directory)
    chromium.open(directory.report)
    # The rows of the heat map that show a utilisation of 0.
    rows = """(() => {
      const canvas = document.querySelector('#chart-gpu_utilisation canvas.heat');
      const pixels = canvas.getContext('2d').getImageData(0, 0, 1, canvas.height).data;
      const rows = [];
      for (let row = 0; row < canvas.height; row++)
        if (pixels[4 * row] === 238 && pixels[4 * row + 2] === 251) rows.push(row);
      return rows;
    })()"""
    assert len(chromium.ask(rows)) == 1
    assert chromium.ask(rows) != [0]
    chromium.click("#chart-gpu_utilisation input[type=checkbox]")
    assert chromium.ask(rows) == [0]


def test_ten_thousand_nodes_are_one_small_page_that_opens_and_is_drawn(
    chromium: Browser, tmp_path: Path
) -> None:
    directory = write_record(tmp_path, Shape(nodes=1, gpus=1, seconds=3))
    multiply(directory, 10_000)
    fold(directory)
    assert directory.report.stat().st_size < 2_000_000
    chromium.open(directory.report)
    assert min(chromium.ask(_COLOURS)) >= 3
    assert chromium.ask("document.querySelectorAll('canvas.heat').length") == 3
    assert chromium.ask("document.querySelectorAll('*').length") < 8_000
    assert "10,000" in chromium.ask("document.querySelector('.graph').textContent")
    chromium.click(".graph .box.activity")
    chromium.wait_for("document.querySelectorAll('#box details').length > 0")
    assert chromium.complaints() == []
