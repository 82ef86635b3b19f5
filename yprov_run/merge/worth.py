"""How much work a step did, and what a kWh emits and costs, as they were recorded."""

from __future__ import annotations

from yprov_run.jobdir import StepDir
from yprov_run.merge import fields
from yprov_run.model import Merit, Tariff

_MOST = 100
_WORDS = 200


def read_worth(step: StepDir) -> tuple[tuple[Merit, ...], Tariff | None, list[str]]:
    """Return a step's figures of merit, its tariff, and what is missing in words."""
    record, problem = fields.load(step.worth)
    if problem:
        return (), None, [] if problem == "missing" else [f"its worth.json is {problem}"]
    merits, gaps = [], []
    for item in fields.sequence(record, "merits")[:_MOST]:
        if not isinstance(item, dict) or not fields.text(item, "name"):
            continue
        value = fields.number(item, "value")
        name, source = fields.text(item, "name"), fields.text(item, "source")
        if value is None:
            gaps.append(f"figure of merit {name}: {fields.text(item, 'problem')[:_WORDS]}")
        else:
            merits.append(Merit(name, value, source))
    tariff = fields.mapping(record, "tariff")
    if not tariff:
        return tuple(merits), None, gaps
    return (
        tuple(merits),
        Tariff(
            g_co2e_per_kwh=fields.number(tariff, "g_co2e_per_kwh"),
            price_per_kwh=fields.number(tariff, "price_per_kwh"),
            currency=fields.text(tariff, "currency"),
            pue=fields.number(tariff, "pue"),
            source=fields.text(tariff, "source"),
            date=fields.text(tariff, "date"),
        ),
        gaps,
    )
