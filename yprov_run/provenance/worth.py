"""Energy per unit of work, emissions and cost: only from what was told, with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yprov_run.merge import scopes
from yprov_run.merge.totals import Totals
from yprov_run.model import Merit, Step, Tariff
from yprov_run.provenance.records import Attributes, own

_J_PER_KWH = 3.6e6


def step_worth(step: Step, figures: Totals) -> Attributes:
    """Return the terms of one step's worth."""
    per_unit = {merit.name: figures.measured_energy_j for merit in step.merits}
    return _worth(step.merits, step.tariff, figures, per_unit)


def job_worth(steps: Sequence[Step], figures: Totals) -> Attributes:
    """Return the terms of a job's worth: work, and its energy, of the steps that tell it."""
    work: dict[str, Merit] = {}
    for step in steps:
        for merit in step.merits:
            known = work.get(merit.name)
            value = merit.value + (known.value if known else 0.0)
            work[merit.name] = Merit(merit.name, value, merit.source)
    tariff = next((step.tariff for step in reversed(steps) if step.tariff), None)
    energies = {name: _energy_j(name, steps, figures) for name in work}
    return _worth(tuple(work.values()), tariff, figures, energies)


def _energy_j(name: str, steps: Sequence[Step], figures: Totals) -> float | None:
    """Return the energy of the steps that tell how much of this work they did."""
    telling = [step for step in steps if any(merit.name == name for merit in step.merits)]
    if len(telling) == len(steps):
        return figures.measured_energy_j
    widest = scopes.widest([node for step in telling for node in step.nodes])
    return sum(scope.energy_j for scope in widest) if widest else None


def _worth(
    merits: Sequence[Merit],
    tariff: Tariff | None,
    figures: Totals,
    energies: Mapping[str, float | None],
) -> Attributes:
    energy_j = figures.measured_energy_j
    per_unit = [
        [merit.name, of_it_j / merit.value]
        for merit in merits
        if (of_it_j := energies[merit.name]) is not None and merit.value > 0
    ]
    attributes = own(
        figureOfMerit=[[merit.name, merit.value, merit.source] for merit in merits] or None,
        energyPerUnit=per_unit or None,
    )
    if tariff is None or energy_j is None:
        return attributes
    site_kwh = energy_j * (tariff.pue or 1.0) / _J_PER_KWH
    source = f"{tariff.source}, {tariff.date}; energy of {', '.join(figures.measured_scopes)}"
    source += f", times a PUE of {tariff.pue:g}" if tariff.pue else ", without the site's overhead"
    kg = None if tariff.g_co2e_per_kwh is None else site_kwh * tariff.g_co2e_per_kwh / 1000
    cost = None if tariff.price_per_kwh is None else site_kwh * tariff.price_per_kwh
    return attributes | own(
        emissions=kg,
        carbonIntensity=tariff.g_co2e_per_kwh,
        cost=cost,
        currency=tariff.currency if cost is not None else None,
        tariffSource=source,
    )
