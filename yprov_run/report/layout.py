"""Where the boxes of a graph stand, and how the arrows between them go round what is in between.

Layers by the longest way to a box, in each the boxes by where their neighbours are. An arrow that
passes layers has a place in each; arrows to one box share it, so that they meet on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

BOX_WIDTH, BOX_HEIGHT = 154, 46
_GAP_X, _GAP_Y, _MARGIN = 80, 20, 14
_WAY_HEIGHT = 8
_MAX_IN_LAYER = 8
_SWEEPS = 8

Point = tuple[int, int]
Pair = tuple[int, int]


class Layout(NamedTuple):
    """Upper left corners of boxes; the points that an arrow passes, by its two ends; the size."""

    corners: Sequence[Point]
    ways: dict[Pair, tuple[Point, ...]]
    width: int
    height: int


def lay_out(count: int, pairs: Iterable[Pair]) -> Layout:
    """Return a place for each of so many boxes, joined by arrows from the first to the second."""
    joined = list(dict.fromkeys(pair for pair in pairs if pair[0] != pair[1]))
    layers = _split(_layers(count, joined), count)
    column = {box: place for place, layer in enumerate(layers) for box in layer}
    stops = _stops(joined, column, layers, count)
    segments = [
        segment
        for pair in joined
        for way in [(pair[0], *stops.get(pair, ()), pair[1])]
        for segment in pairwise(way)
    ]
    _order(layers, list(dict.fromkeys(segments)))
    return _placed(layers, stops, count)


def _stops(
    pairs: Sequence[Pair], column: dict[int, int], layers: list[list[int]], count: int
) -> dict[Pair, tuple[int, ...]]:
    """Put a stop into each layer that an arrow passes; numbers from `count` on are stops."""
    known: dict[Pair, int] = {}
    stops: dict[Pair, tuple[int, ...]] = {}
    for source, target in pairs:
        way = []
        for place in range(column[source] + 1, column[target]):
            if (target, place) not in known:
                known[target, place] = count + len(known)
                layers[place].append(known[target, place])
            way.append(known[target, place])
        stops[source, target] = tuple(way)
    return stops


def _placed(layers: list[list[int]], stops: dict[Pair, tuple[int, ...]], count: int) -> Layout:
    def height_of(thing: int) -> int:
        return BOX_HEIGHT if thing < count else _WAY_HEIGHT

    tall = [sum(height_of(thing) + _GAP_Y for thing in layer) - _GAP_Y for layer in layers]
    height = 2 * _MARGIN + max(tall, default=BOX_HEIGHT)
    corners: dict[int, Point] = {}
    for place, layer in enumerate(layers):
        left, top = _MARGIN + place * (BOX_WIDTH + _GAP_X), (height - tall[place]) // 2
        for thing in layer:
            corners[thing] = (left, top)
            top += height_of(thing) + _GAP_Y
    ways = {
        pair: tuple((corners[stop][0], corners[stop][1] + _WAY_HEIGHT // 2) for stop in way)
        for pair, way in stops.items()
    }
    width = 2 * _MARGIN + max(1, len(layers)) * (BOX_WIDTH + _GAP_X) - _GAP_X
    return Layout([corners[box] for box in range(count)], ways, width, height)


def _layers(count: int, pairs: Sequence[Pair]) -> list[int]:
    """Return each box's layer; an arrow that closes a circle is not followed."""
    forward = _without_circles(count, pairs)
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


def _without_circles(count: int, pairs: Sequence[Pair]) -> list[Pair]:
    following: dict[int, list[int]] = {}
    for source, target in pairs:
        following.setdefault(source, []).append(target)
    forward, done, open_boxes = [], set[int](), set[int]()
    for root in range(count):
        if root in done:
            continue
        stack = [(root, iter(following.get(root, ())))]
        open_boxes.add(root)
        while stack:
            box, targets = stack[-1]
            follower = next(targets, None)
            if follower is None:
                stack.pop()
                open_boxes.discard(box)
                done.add(box)
            elif follower not in open_boxes:
                forward.append((box, follower))
                if follower not in done:
                    open_boxes.add(follower)
                    stack.append((follower, iter(following.get(follower, ()))))
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


def _order(layers: list[list[int]], segments: Sequence[Pair]) -> None:
    """Order each layer by the mean place of its neighbours, a few times over."""
    near: dict[int, list[int]] = {}
    for source, target in segments:
        near.setdefault(source, []).append(target)
        near.setdefault(target, []).append(source)
    place = {box: row - len(layer) / 2 for layer in layers for row, box in enumerate(layer)}
    for _ in range(_SWEEPS):
        for layer in layers:
            layer.sort(
                key=lambda box: (
                    sum(place[other] for other in near.get(box, [box])) / len(near.get(box, [box]))
                )
            )
            place.update({box: row - len(layer) / 2 for row, box in enumerate(layer)})
