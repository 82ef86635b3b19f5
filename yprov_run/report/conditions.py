"""What each step of a job was launched with: its variables and modules, by what it used."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from yprov_run.report.facts import is_volatile
from yprov_run.report.reading import Document, elements, structure, value

REDACTED = "<redacted>"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCHEDULERS = ("SLURM_", "SBATCH_", "PBS_", "LSB_", "FLUX_")
# With these set, a module system takes for loaded what is not.
_MODULE_STATE = re.compile(
    r"LOADEDMODULES|_LMFILES_.*|(?:__)?LMOD_.*|(?:__)?MODULES_.*|_ModuleTable.*"
)

Record = Mapping[str, Any]


class Use(NamedTuple):
    """An entity that a step used, and the relation that says so."""

    step: str
    identifier: str
    entity: Record
    relation: Record


class Conditions(NamedTuple):
    """What a step was launched with; `variables` is None where these are not recorded.

    `cut` names those of which the record has the beginning only. `modules` are `NAME/VERSION`, in
    the order of loading.
    """

    variables: Mapping[str, str] | None = None
    cut: Sequence[str] = ()
    modules: Sequence[str] = ()


def uses(document: Document, steps: Container[str], *type_names: str) -> Iterator[Use]:
    """Yield the entities of these types that these steps used."""
    entities = elements(document, "entity")
    for relation in elements(document, "used").values():
        step = str(value(relation.get("prov:activity")))
        identifier = str(value(relation.get("prov:entity")))
        entity = entities.get(identifier, {})
        if step in steps and entity.get("prov:type") in type_names:
            yield Use(step, identifier, entity, relation)


def conditions(document: Document, steps: Sequence[str]) -> dict[str, Conditions]:
    """Return what each of these steps was launched with."""
    found = {step: Conditions() for step in steps}
    for use in uses(document, found, "run:Environment"):
        variables = structure(use.entity.get("prov:value"))
        cut = structure(use.entity.get("run:cutVariables"))
        if isinstance(variables, dict):
            texts = {name: text for name, text in variables.items() if isinstance(text, str)}
            names = [str(name) for name in cut] if isinstance(cut, list) else []
            found[use.step] = found[use.step]._replace(variables=texts, cut=names)
    modules: dict[str, list[tuple[int, str]]] = {}
    for use in uses(document, found, "run:Module"):
        place = value(use.relation.get("run:loadOrder"))
        label = str(value(use.entity.get("prov:label")) or "")
        if label and not label.startswith("-") and REDACTED not in label:
            order = place if isinstance(place, int) else 0
            modules.setdefault(use.step, []).append((order, label))
    for step, loaded in modules.items():
        found[step] = found[step]._replace(modules=tuple(label for _, label in sorted(loaded)))
    return found


def in_turn(given: Mapping[str, Conditions]) -> dict[str, Conditions]:
    """Return what each step needs, one after the other: what is not known stays as it was."""
    before = Conditions(variables={})
    found = {}
    for step, now in given.items():
        if now.variables is None:
            now = Conditions(before.variables, before.cut, now.modules or before.modules)
        found[step] = before = now
    return found


def settable(given: Conditions) -> dict[str, str]:
    """Return the variables to set for the same command today, sorted.

    Without those that only a scheduler or a module system may set, and those whose value is not
    known: cut ones, and credentials.
    """
    return {
        name: text
        for name, text in sorted((given.variables or {}).items())
        if _NAME.fullmatch(name)
        and not name.startswith(_SCHEDULERS)
        and not is_volatile(name)
        and not _MODULE_STATE.fullmatch(name)
        and name not in given.cut
        and REDACTED not in text
        and _is_possible(text)
    }


def _is_possible(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
