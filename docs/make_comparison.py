"""Put the benchmarks' medians into docs/comparison.md: `python docs/make_comparison.py`."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_REGION = re.compile(r"(<!-- figures -->\n).*(<!-- /figures -->)", re.DOTALL)
_TOOLS = ("yprov-run", "yprov-run --no-merge", "con-duct", "perun", "jpwr", "strace", "time")
# The sampler is the same with and without a merge at the end; it was measured without.
_SAMPLER = {"yprov-run": "yprov-run --no-merge", "yprov-run --no-merge": ""}
_HEAD = """| | until the program runs, ms | all in all, ms | sampling at 1 Hz, ms CPU a second | \
memory meanwhile, MiB | exit status 3 is | SIGTERM to it alone: the program |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the page's text, with the figures of docs/benchmarks.json."""
    figures = json.loads((_HERE / "benchmarks.json").read_text(encoding="utf-8"))
    return _REGION.sub(
        lambda found: found[1] + _table(figures) + found[2],
        (_HERE / "comparison.md").read_text(encoding="utf-8"),
    )


def _table(figures: dict[str, Any]) -> str:
    startup, sampling, endings = (figures[name] for name in ("startup", "sampling", "endings"))
    rows = [_HEAD]
    for tool in _TOOLS:
        started = startup["cases"][tool]
        sampled = sampling["cases"].get(f"{_SAMPLER.get(tool, tool)}, 1 Hz", {})
        ended = endings["cases"][tool]
        cells = (
            _median(started, "until_ms"), _median(started, "wall_ms"),
            _median(sampled, "cpu_ms_per_s"), _median(sampled, "last_mib"),
            str(ended["exit 3"]), f"{'is ' if ended['term'] != 'ended' else ''}{ended['term']}",
        )  # fmt: skip
        rows.append(f"| {tool} | {' | '.join(cells)} |\n")
    dates = sorted({part["date"] for part in (startup, sampling, endings)})
    rows.append(f"\n{startup['machine']}; {', '.join(dates)}.\n")
    return "".join(rows)


def _median(case: dict[str, list[float]], name: str) -> str:
    """Return a median with three digits; nothing where it was not measured."""
    return f"{float(f'{statistics.median(case[name]):.3g}'):,g}" if name in case else ""


if __name__ == "__main__":
    (_HERE / "comparison.md").write_text(page(), encoding="utf-8")
