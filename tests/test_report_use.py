"""The report in use: on paper, on a phone, by keyboard, by screen reader, light or dark."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.browser import Browser
from tests.support.records import Shape, idle_last, write_record
from yprov_run.cli.fold import fold

# All that a page can show: advice, a mark, a file, a gap, an idle share.
SHAPE = Shape(
    seconds=120, load=idle_last, tags={"run": "base"}, dies_s={2: 40.0}, exit_status=None, signal=9,
    files=[{"path": "data/" + "long/" * 30 + "x.h5", "role": "input", "size_bytes": 1,
            "sha256": "a" * 64}],
)  # fmt: skip
# WCAG's contrast ratio of each text with what it stands on, the lowest first.
_CONTRASTS = """(() => {
  const parts = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (text) => parts(text).slice(0, 3).map((part) => part / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0);
  const under = (element) => {
    const box = element.closest('g.box');
    if (box) return getComputedStyle(box.querySelector('rect')).fill;
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.closest('script, style, title')) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const two = [light(ink), light(under(element))].sort((a, b) => b - a);
    found.push([(two[0] + 0.05) / (two[1] + 0.05), element.textContent.trim().slice(0, 40)]);
  }
  for (let place = 0; place < 8; place++) {
    const probe = document.createElement('i');
    probe.style.color = `var(--c${place})`;
    document.body.append(probe);
    const two = [light(getComputedStyle(probe).color),
                 light(getComputedStyle(document.body).backgroundColor)].sort((a, b) => b - a);
    // 3 is enough for a line; put on the scale of texts, where 4.5 is.
    found.push([(two[0] + 0.05) / (two[1] + 0.05) * 1.5, `line ${place}`]);
    probe.remove();
  }
  return found.sort((a, b) => a[0] - b[0]);
})()"""
# What sticks out of the page to the right, but for what scrolls in a frame of its own.
_CUT = """[...document.querySelectorAll('main *')].filter((element) => {
  const frame = element.closest('.scroll, nav, pre');
  return element.checkVisibility() && (frame === null || frame === element) &&
    element.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map((element) => element.className || element.tagName)"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = write_record(tmp_path_factory.mktemp("report"), SHAPE)
    fold(directory)
    return directory.report


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_and_line_stands_out_as_wcag_asks(
    chromium: Browser, page: Path, dark: bool
) -> None:
    chromium.open(page, dark=dark)
    chromium.ask("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    chromium.click(".graph .box.activity")
    contrasts = chromium.ask(_CONTRASTS)
    assert len(contrasts) > 200
    assert contrasts[0][0] >= 4.5, contrasts[:5]


def test_nothing_that_can_be_used_is_without_a_name_for_a_screen_reader(
    chromium: Browser, page: Path
) -> None:
    chromium.open(page)
    found = chromium.names()
    for role in ("button", "link", "searchbox", "image", "region", "checkbox", "navigation"):
        names = [name for kind, name in found if kind == role]
        assert all(names), role
        assert names or role == "checkbox"
    assert [kind for kind, _ in found].count("main") == 1
    told = "GPU utilisation over time, 16 lines, from 0 % to 96 %; arrow keys read the samples"
    assert ("image", told) in found
    levels = chromium.ask(
        "[...document.querySelectorAll('h1,h2,h3')].map((h) => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_the_tab_key_goes_through_the_page_from_its_top_and_shows_where_it_is(
    chromium: Browser, page: Path
) -> None:
    chromium.open(page)
    seen = []
    for _ in range(40):
        chromium.press(Keys.TAB)
        place = chromium.ask(
            "(() => {const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.getBoundingClientRect().top + scrollY, e.matches('.box') ||"
            "(s.outlineStyle !== 'none' && s.outlineWidth !== '0px'),"
            "e.textContent.slice(0, 30) || e.className]})()"
        )
        seen.append(place)
    assert all(shown for _, shown, _ in seen), seen
    assert [words for _, _, words in seen][:3] == ["Time", "Energy", "Nodes"]
    sections = chromium.ask("document.activeElement.closest('section').id")
    assert sections != "time"


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_sticks_out_at_the_side(chromium: Browser, page: Path, width: int) -> None:
    chromium.resize(width)
    chromium.open(page)
    chromium.wait_for(f"document.querySelector('.uplot').clientWidth <= {width}")
    assert chromium.ask(_CUT) == []
    assert chromium.ask("document.documentElement.scrollWidth") == width


def test_on_paper_the_page_is_light_a_few_sheets_long_and_no_chart_is_cut(
    chromium: Browser, page: Path
) -> None:
    chromium.resize(1280)
    chromium.open(page, dark=True)
    chromium.click("#theme")
    chromium.click("#theme")
    chromium.ask("addEventListener('beforeprint', () => {window.printed = true})")
    document = chromium.paper()
    assert document.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", document)) <= 6
    assert chromium.ask("window.printed")
    assert chromium.ask("document.documentElement.dataset.theme") == "dark"

    # The same on the screen, where it can be measured: as wide as a sheet between its margins.
    chromium.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    chromium.resize(688)
    chromium.ask("dispatchEvent(new Event('beforeprint'))")
    chromium.wait_for("document.querySelector('.uplot').clientWidth <= 688")
    assert chromium.ask(_CUT) == []
    assert not chromium.ask("document.querySelector('nav.top').checkVisibility()")
    assert chromium.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    chromium.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    chromium.resize(1280)
