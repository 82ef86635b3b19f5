"""Figures in words: the unit that fits, whole numbers in full."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.records import Shape, write_record
from yprov_run.merge.read import read_job
from yprov_run.merge.totals import job_totals
from yprov_run.model import Merit, Tariff
from yprov_run.report.sections import energy
from yprov_run.report.summary import summary
from yprov_run.report.words import amount, joules, rounded


@pytest.mark.parametrize(
    ("energy_j", "words"),
    [
        (0.0, "0.0 J"), (1.0, "1.0 J"), (999.0, "999.0 J"), (1e3, "1.00 kJ"), (1.234e6, "1.23 MJ"),
        (0.25, "250 mJ"), (0.0123, "12.3 mJ"), (0.004, "4.00 mJ"), (0.001, "1.00 mJ"),
        (1.5e-5, "15.0 \u00b5J"), (4e-7, "0.40 \u00b5J"), (0.9999, "1.0 J"),
        (0.0009999, "1.00 mJ"),
    ],
)  # fmt: skip
def test_an_energy_has_the_unit_that_fits(energy_j: float, words: str) -> None:
    assert joules(energy_j) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (12_345_678, "12,345,678"), (12_345_678.0, "12,345,678"), (500.0, "500"), (0, "0"),
        (999_999.9, "1,000,000"), (0.5, "0.5"), (2_500.25, "2,500.25"), (3e20, "3e+20"),
    ],
)  # fmt: skip
def test_an_amount_is_written_in_full(number: float, words: str) -> None:
    assert amount(number) == words


def test_a_small_figure_has_three_digits_and_a_large_one_all_before_the_point() -> None:
    assert [rounded(number) for number in (0.01234, 12.345, 1234.5)] == ["0.0123", "12.3", "1,234"]


def test_a_summary_has_its_figures_in_units_that_can_be_read(tmp_path: Path) -> None:
    job = read_job(write_record(tmp_path, Shape(nodes=1, gpus=1, seconds=30)))
    tariff = Tariff(3e5, 2e6, "EUR", None, "the site", "2026-10-01")
    merits = (Merit("samples", 12_345_678.0, "log"),)
    (step,) = job.steps
    told = replace(job, steps=(replace(step, merits=merits, tariff=tariff),))
    lines = {line.label: line.words for line in summary(told)}
    assert lines["work"].startswith("12,345,678 samples, ")
    assert lines["work"].endswith(" \u00b5J for each")
    assert "e+" not in lines["footprint"]


def test_energy_that_is_not_known_of_every_gpu_says_of_how_many_it_is(tmp_path: Path) -> None:
    job = read_job(write_record(tmp_path, Shape(nodes=1, gpus=2, seconds=30)))
    (step,) = job.steps
    (node,) = step.nodes
    known, other = node.devices
    silent = other._replace(energy_j=None, energy_bound_j=None)
    partly = replace(job, steps=(replace(step, nodes=(replace(node, devices=(known, silent)),)),))
    lines = {line.label: line.words for line in summary(partly)}
    assert " by 1 of 2 GPUs (" in lines["GPU energy"]
    assert "+/-" not in lines["GPU energy"]
    page = energy(partly, job_totals(partly))
    assert " by 1 of 2 GPUs" in page
    assert "is not known for all of them" in page
