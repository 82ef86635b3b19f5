"""The containers that the tasks' processes ran in, by what the first node's agent saw of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from yprov_run.capture.container import described
from yprov_run.capture.image import digest_in
from yprov_run.capture.scene import Scene
from yprov_run.kinds.container import Container
from yprov_run.kinds.inside import Captured
from yprov_run.trace.events import CONTAINER, EventReport, read_events

_ENGINES = (
    ("APPTAINER_CONTAINER", "apptainer"), ("SINGULARITY_CONTAINER", "singularity"),
    ("SHIFTER_IMAGE", "shifter"), ("SHIFTER_IMAGEREQUEST", "shifter"), ("ENROOT_ROOTFS", "enroot"),
)  # fmt: skip


def take(scene: Scene) -> Captured | None:
    """Return the containers of the launched command, or None if there was none."""
    found: dict[tuple[str, str], Container] = {}
    for key in scene.step.node_keys():
        with suppress(OSError):
            for event in read_events(scene.step.node(key).events, EventReport()):
                if event["event"] == CONTAINER:
                    one = container_of(event)
                    found.setdefault((one.engine, one.reference), one)
    described_here = (described(one, scene) for one in found.values())
    return Captured(tuple(described_here)) if found else None


def container_of(event: Mapping[str, object]) -> Container:
    """Return the container that an agent's event tells of."""
    variables, engine = _texts(event.get("variables")), _texts(event.get("engine"))
    labels, system = _texts(event.get("labels")), event.get("system")
    common = Container("", "", labels=labels, system=system if isinstance(system, str) else "")
    for name, program in _ENGINES:
        if variables.get(name):
            return replace(common, engine=program, reference=variables[name], source=name)
    if engine.get("image"):
        reference = engine["image"]
        return replace(
            common,
            engine=engine.get("engine", "podman"),
            reference=reference,
            digest=digest_in(reference),
            image_id=engine.get("imageid", ""),
            source="/run/.containerenv",
        )
    if event.get("is_docker") is True:
        return replace(common, engine="docker", source="/.dockerenv")
    return replace(common, engine=variables.get("container", ""), source="another root")


def _texts(value: object) -> dict[str, str]:
    items = value.items() if isinstance(value, dict) else ()
    return {str(name): text for name, text in items if isinstance(text, str)}
