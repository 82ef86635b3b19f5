"""A running job from its directory alone: each node's last sample, its age, and what came before.

Only what was appended since the last look is read, so a thousand nodes take a fraction of a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from yprov_run.jobdir import JobDir, NodeFiles, StepDir, node_of
from yprov_run.merge import fields
from yprov_run.merge.ending import job_ending, step_ending, was_launched_here
from yprov_run.model import Ending, Json, Step
from yprov_run.report.liveagent import (
    GPU_MEMORY,
    HISTORY,
    POWER,
    SHOWN,
    Devices,
    LiveAgent,
    LiveDevice,
    Row,
)

_TAIL_BYTES, _LEAST_TAIL_BYTES = 1 << 16, 4_096
_TAILS_BYTES = 8 << 20  # what the first look at all nodes together may read
_SUMMED = {POWER}


class LiveNode:
    """What a node has written so far: its last values, their history, and when that was.

    Beside the node's own agent there may be some of tasks that see other GPUs.
    """

    def __init__(self, key: str) -> None:
        self._agents: list[LiveAgent] = []
        self._devices = Devices()
        self.name = key.rpartition("-")[0] or key
        self.last: dict[str, float] = {}
        self.history: dict[str, deque[float]] = {name: deque(maxlen=HISTORY) for name in SHOWN}

    def add(self, files: NodeFiles) -> None:
        """Take in an agent's files, unless they are known."""
        if all(agent.key != files.key for agent in self._agents):
            self._agents.append(LiveAgent(files, self._devices))
            self._agents.sort(key=lambda agent: (len(agent.key), agent.key))  # its own first

    @property
    def devices(self) -> Mapping[int, LiveDevice]:
        """Its GPUs by their numbers."""
        return self._devices.by_number

    @property
    def has_ended(self) -> bool:
        """Whether its agents have said their last words."""
        spoken = [agent for agent in self._agents if agent.trace.node]
        return bool(spoken) and all(agent.trace.end for agent in spoken)

    def refresh(self, tail_bytes: int = _TAIL_BYTES) -> None:
        """Read what was written since; of several agents in the order of time."""
        rows = [row for agent in self._agents for row in agent.read(tail_bytes)]
        if len(self._agents) > 1:
            rows.sort(key=lambda row: row.time_ms)
        for row in rows:
            self._take(row)
        names = (fields.text(agent.trace.node, "name") for agent in self._agents)
        self.name = next(filter(None, names), self.name)

    def _take(self, row: Row) -> None:
        """Add a row's values, with those that the other agents had just then, to the history."""
        row.agent.sampled_ms, row.agent.values = row.time_ms, row.values
        together = row.values if len(self._agents) == 1 else self._together(row)
        for name, found in together.items():
            whole = sum(found) if name in _SUMMED else sum(found) / len(found)
            self.last[name] = max(found) if name == GPU_MEMORY else whole
            self.history[name].append(self.last[name])

    def _together(self, row: Row) -> dict[str, list[float]]:
        """Return what all agents last had; nothing of what another will add a point of."""
        heard = [agent for agent in self._agents if agent.is_heard(row.time_ms)]
        together = {}
        for name in row.values:
            having = [agent for agent in heard if name in agent.values]
            if having[0] is row.agent:  # one point an interval, however many agents there are
                together[name] = [value for agent in having for value in agent.values[name]]
        return together

    def age_s(self, now_ms: int) -> float | None:
        """Return how old the oldest of its agents' last samples is; None without any."""
        running = [agent for agent in self._agents if not agent.trace.end]
        times = [agent.sampled_ms for agent in running or self._agents]
        known = [time_ms for time_ms in times if time_ms is not None]
        return max(0.0, (now_ms - min(known)) / 1000) if known else None

    def is_silent(self, now_ms: int) -> bool:
        """Tell whether samples that are due have not come."""
        age_s = None if self.has_ended else self.age_s(now_ms)
        return age_s is not None and age_s > self._agents[0].patience_s


class LiveJob:
    """A job as it runs: its last step, that step's nodes, and how it stands."""

    def __init__(self, directory: JobDir) -> None:
        self._directory = directory
        self._nodes: dict[tuple[int, str], LiveNode] = {}
        self._step: StepDir | None = None
        self._command: Json = {}
        self.job: Json = {}
        self.ending = Ending("unknown", "none")
        self.started_ms: int | None = None
        self.ended_ms: int | None = None

    @property
    def name(self) -> str:
        """The job's name and number."""
        name = fields.text(self.job, "name") or self._directory.name
        return f"{name} {fields.text(self.job, 'number') or self._directory.number}"

    @property
    def step(self) -> int | None:
        """The number of the step that is shown."""
        return None if self._step is None else self._step.number

    @property
    def nodes(self) -> list[LiveNode]:
        """The nodes of the step that is shown."""
        return [node for (step, _), node in self._nodes.items() if step == self.step]

    def refresh(self) -> None:
        """Look at the directory again."""
        if not self.job:
            self.job, _ = fields.load(self._directory.job_file)
        steps = list(self._directory.steps())
        if not steps:
            return
        self._step = steps[-1]
        self._command, _ = fields.load(self._step.command)
        keys = self._step.node_keys()
        tail_bytes = max(_LEAST_TAIL_BYTES, min(_TAIL_BYTES, _TAILS_BYTES // max(1, len(keys))))
        for key in keys:
            base = node_of(key)
            place = (self._step.number, base)
            if place not in self._nodes:
                self._nodes[place] = LiveNode(base)
            self._nodes[place].add(self._step.node(key))
        for node in self.nodes:
            node.refresh(tail_bytes)
        end, _ = fields.load(self._step.end)
        self.started_ms = fields.integer(self._command, "started_ms")
        self.ended_ms = fields.integer(end, "ended_ms")
        ending = step_ending(self._command, end, [], None)
        step = Step(self._step.number, (), "", "", "", None, None, ending, ())
        self.ending = job_ending([step])
        going_on = not end and any(not node.has_ended for node in self.nodes)
        if going_on and not was_launched_here(self._command):
            # Only the launching machine can tell whether its process lives; elsewhere samples tell.
            self.ending = Ending("running", "node agents")


def mean(values: Iterable[float]) -> float | None:
    """Return the plain mean; None of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else None


def blended(nodes: Sequence[LiveNode], quantity: str) -> list[float]:
    """Return the histories of all nodes as one, the newest last: a mean, or a sum of powers."""
    histories = [list(node.history[quantity]) for node in nodes if node.history[quantity]]
    length = max(map(len, histories), default=0)
    result = []
    for back in range(length, 0, -1):
        found = [history[-back] for history in histories if len(history) >= back]
        result.append(sum(found) if quantity in _SUMMED else sum(found) / len(found))
    return result
