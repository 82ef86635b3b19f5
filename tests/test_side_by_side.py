"""Reading on all cores gives what reading one after another gives, whatever happens to a reader."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from yprov_run.merge.side_by_side import each


@pytest.mark.parametrize("count", [0, 1, 127, 128, 1000])
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(count: int, cores: int) -> None:
    assert list(each(range(count), lambda item: item * item, cores)) == [
        item * item for item in range(count)
    ]


def test_what_a_reader_was_killed_over_is_read_here() -> None:
    here = os.getpid()

    def read(item: int) -> int:
        if item == 300 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert list(each(range(1000), read, 3)) == list(range(1000))


def test_an_error_of_reading_is_raised_here() -> None:
    def read(item: int) -> int:
        if item == 500:
            raise ValueError("five hundred")
        return item

    with pytest.raises(ValueError, match="five hundred"):
        list(each(range(1000), read, 2))


def _children() -> set[str]:
    found: set[str] = set()
    for thread in Path("/proc/self/task").iterdir():
        found |= set((thread / "children").read_text().split())
    return found


def test_readers_are_gone_when_nobody_wants_more() -> None:
    before = _children()
    results = each(range(10_000), str, 4)
    assert next(results) == "0"
    assert len(_children() - before) == 4
    results.close()  # type: ignore[attr-defined]
    assert _children() <= before
