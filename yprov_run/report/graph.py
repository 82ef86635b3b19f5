"""A document as a picture: elements of one kind are one box with a count, laid out in layers.

Ten thousand nodes become about fifteen boxes. Positions are computed here, because browsers choke
on the layout of large graphs. Time flows from left to right: what was used before who used it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MEMBERS_SHOWN = 40
_ATTRIBUTES_SHOWN = 24
BOX_WIDTH, BOX_HEIGHT = 148, 46
_GAP_X, _GAP_Y, _MARGIN = 92, 22, 14
_MAX_IN_LAYER = 8
_SWEEPS = 4

# relation: (attribute at the arrow's tail, attribute at its head), so that time flows forward.
_FLOWS = {
    "used": ("prov:entity", "prov:activity"),
    "wasGeneratedBy": ("prov:activity", "prov:entity"),
    "wasInvalidatedBy": ("prov:activity", "prov:entity"),
    "wasDerivedFrom": ("prov:usedEntity", "prov:generatedEntity"),
    "wasInformedBy": ("prov:informant", "prov:informed"),
    "wasStartedBy": ("prov:trigger", "prov:activity"),
    "wasEndedBy": ("prov:trigger", "prov:activity"),
    "wasAssociatedWith": ("prov:agent", "prov:activity"),
    "wasAttributedTo": ("prov:agent", "prov:entity"),
    "actedOnBehalfOf": ("prov:responsible", "prov:delegate"),
    "specializationOf": ("prov:generalEntity", "prov:specificEntity"),
    "alternateOf": ("prov:alternate2", "prov:alternate1"),
    "hadMember": ("prov:entity", "prov:collection"),
}
KINDS = ("entity", "activity", "agent")
Document = Mapping[str, Any]
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Box:
    """All elements of one kind, type and role; x and y are its upper left corner in pixels."""

    kind: str
    label: str
    count: int
    members: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class Edge:
    """All relations of one name between two boxes, by their places in the list of boxes."""

    source: int
    target: int
    relation: str
    count: int


@dataclass(frozen=True)
class Graph:
    """Boxes and edges with positions, and the size of the whole in pixels."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def collapse(document: Document) -> Graph:
    """Return a PROV-JSON document collapsed by kind, type and role, laid out."""
    owner: dict[str, Key] = {}
    groups: dict[Key, list[tuple[str, Mapping[str, Any]]]] = {}
    for kind in KINDS:
        for identifier, record in _records(document, kind):
            key = (kind, text(record.get("prov:type")) or kind, text(record.get("prov:role")))
            owner.setdefault(identifier, key)
            groups.setdefault(key, []).append((identifier, record))
    keys = list(groups)
    place = {key: number for number, key in enumerate(keys)}
    counts: Counter[tuple[int, int, str]] = Counter()
    for relation, (tail, head) in _FLOWS.items():
        for _, record in _records(document, relation):
            ends = owner.get(text(record.get(tail))), owner.get(text(record.get(head)))
            if ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
                counts[place[ends[0]], place[ends[1]], relation] += 1
    edges = tuple(Edge(*ends, number) for ends, number in counts.items())
    positions, width, height = _positions(len(keys), edges)
    boxes = tuple(
        Box(key[0], _label(key), len(groups[key]), _members(groups[key]), *positions[number])
        for number, key in enumerate(keys)
    )
    return Graph(boxes, edges, width, height)


def _records(document: Document, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    records = document.get(kind, {})
    if isinstance(records, Mapping):
        for identifier, record in records.items():
            for one in record if isinstance(record, list) else [record]:
                if isinstance(one, Mapping):
                    yield identifier, one


def text(value: object) -> str:
    """Return an attribute's value as text, its type left off; the first where there are several."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, Mapping):
        value = value.get("$", "")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _label(key: Key) -> str:
    kind, type_name, role = key
    name = type_name.rpartition(":")[2] or kind
    return f"{name} ({role})" if role else name


def _members(
    records: list[tuple[str, Mapping[str, Any]]],
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    return tuple(
        (
            text(record.get("prov:label")) or identifier,
            (
                ("identifier", identifier),
                *(
                    (name, text(value))
                    for name, value in list(record.items())[:_ATTRIBUTES_SHOWN]
                    if name not in {"prov:label", "prov:startedAtTime", "prov:endedAtTime"}
                ),
            ),
        )
        for identifier, record in records[:MEMBERS_SHOWN]
    )


def _positions(count: int, edges: tuple[Edge, ...]) -> tuple[list[tuple[int, int]], int, int]:
    """Place boxes in layers by the longest way to them, in each by where their neighbours are."""
    layers = _ordered(_split(_layers(count, edges), count), edges)
    tallest = max((len(layer) for layer in layers), default=1)
    height = 2 * _MARGIN + tallest * (BOX_HEIGHT + _GAP_Y) - _GAP_Y
    positions = [(0, 0)] * count
    for column, layer in enumerate(layers):
        taken = len(layer) * (BOX_HEIGHT + _GAP_Y) - _GAP_Y
        top = (height - taken) // 2
        for row, box in enumerate(layer):
            positions[box] = (
                _MARGIN + column * (BOX_WIDTH + _GAP_X),
                top + row * (BOX_HEIGHT + _GAP_Y),
            )
    width = 2 * _MARGIN + max(1, len(layers)) * (BOX_WIDTH + _GAP_X) - _GAP_X
    return positions, width, height


def _layers(count: int, edges: tuple[Edge, ...]) -> list[int]:
    """Return each box's layer; an edge that closes a circle is not followed."""
    forward = _without_circles(count, edges)
    depth = [0] * count
    for _ in range(count):
        moved = False
        for source, target in forward:
            if depth[target] <= depth[source]:
                depth[target] = depth[source] + 1
                moved = True
        if not moved:
            break
    joined = {end for pair in forward for end in pair}
    last = max(depth, default=0)
    depth = [each if box in joined else last for box, each in enumerate(depth)]
    # A box that nothing leads to stands right before the first that it leads to.
    for box in range(count):
        if box in joined and all(target != box for _, target in forward):
            nearest = [depth[target] for source, target in forward if source == box]
            depth[box] = max(0, min(nearest, default=1) - 1)
    return depth


def _without_circles(count: int, edges: tuple[Edge, ...]) -> list[tuple[int, int]]:
    following: dict[int, list[int]] = {}
    for edge in edges:
        following.setdefault(edge.source, []).append(edge.target)
    forward, done, open_boxes = [], set[int](), set[int]()
    for root in range(count):
        if root in done:
            continue
        stack = [(root, iter(following.get(root, ())))]
        open_boxes.add(root)
        while stack:
            box, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                stack.pop()
                open_boxes.discard(box)
                done.add(box)
            elif target not in open_boxes:
                forward.append((box, target))
                if target not in done:
                    open_boxes.add(target)
                    stack.append((target, iter(following.get(target, ()))))
    return forward


def _split(depth: list[int], count: int) -> list[list[int]]:
    layers: dict[int, list[int]] = {}
    for box in range(count):
        layers.setdefault(depth[box], []).append(box)
    split = []
    for number in sorted(layers):
        layer = layers[number]
        split += [layer[i : i + _MAX_IN_LAYER] for i in range(0, len(layer), _MAX_IN_LAYER)]
    return split


def _ordered(layers: list[list[int]], edges: tuple[Edge, ...]) -> list[list[int]]:
    """Order each layer by the mean place of its neighbours, a few times over."""
    near: dict[int, list[int]] = {}
    for edge in edges:
        near.setdefault(edge.source, []).append(edge.target)
        near.setdefault(edge.target, []).append(edge.source)
    place = {box: row - len(layer) / 2 for layer in layers for row, box in enumerate(layer)}
    for _ in range(_SWEEPS):
        for layer in layers:
            layer.sort(
                key=lambda box: (
                    sum(place[other] for other in near.get(box, [box])) / len(near.get(box, [box]))
                )
            )
            place.update({box: row - len(layer) / 2 for row, box in enumerate(layer)})
    return layers
