"""Reading on all cores gives what reading one after another gives, whatever happens to a reader."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from yprov_run.merge.side_by_side import beside, each


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


def test_work_beside_us_is_done_in_another_process() -> None:
    with beside(os.getpid, is_worth_it=True) as result:
        alone = len(os.sched_getaffinity(0)) < 2
        assert (result() == os.getpid()) is alone
    with beside(os.getpid, is_worth_it=False) as result:
        assert result() == os.getpid()


def test_work_beside_us_that_dies_or_fails_is_done_here() -> None:
    here = os.getpid()

    def dies() -> str:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done here"

    def fails() -> str:
        raise OSError("no space")

    with beside(dies, is_worth_it=True) as result:
        assert result() == "done here"
    with pytest.raises(OSError, match="no space"), beside(fails, is_worth_it=True) as failing:
        failing()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="with one core all is done here")
def test_work_beside_us_that_nobody_waits_for_is_ended() -> None:
    begun, begins = os.pipe()

    def waits() -> None:
        os.write(begins, str(os.getpid()).encode())
        signal.pause()

    with beside(waits, is_worth_it=True):
        pid = int(os.read(begun, 20))
    assert not Path(f"/proc/{pid}").exists()
    os.close(begun)
    os.close(begins)
