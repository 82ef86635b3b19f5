"""The job directory: the one place that knows the names of files, and who may write which.

<base>/<name>_<number>/
  prov.json  report.html                        written by the reading half
  metrics_GR0/  artifacts_GR0/                  written by the reading half
  record/job.json                               once, before anything is launched
  record/accounting.json                        by a merge, where accounting can be asked
  record/steps/<n>/step.json, task.sh           once, before the step is launched
  record/steps/<n>/end.json, files.json, worth.json         once, when the step has ended
  record/steps/<n>/manifests/<i>.csv.gz         once, before files.json: the files of large folders
  record/steps/<n>/before.gz                    what was there at the launch; gone after the end
  record/steps/<n>/captured/<kind>.json         once, beside the job or after its end
  record/steps/<n>/nodes/<key>.tasks            appended to by the node's tasks
  record/steps/<n>/nodes/<key>.events.jsonl     appended to by the node's agent
  record/steps/<n>/nodes/<key>.samples.csv      appended to by the node's agent
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from yprov_run.audience import EVERYBODY
from yprov_run.light import TYPE_CHECKING
from yprov_run.numerals import of_digits

if TYPE_CHECKING:
    from typing import Any

    from yprov_run.measures import Json

SCHEMA_VERSION = 1

_TASKS = ".tasks"
_EVENTS = ".events.jsonl"
_SAMPLES = ".samples.csv"
_MAX_NAME = 80
_MAX_TRIES = 10_000
_MAX_DIGITS, _MAX_NUMBER_DIGITS = 9, 14
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class NodeFiles:
    """The three files of one node in one step."""

    def __init__(self, nodes_dir: Path, key: str) -> None:
        self.key = key
        self.tasks = nodes_dir / (key + _TASKS)
        self.events = nodes_dir / (key + _EVENTS)
        self.samples = nodes_dir / (key + _SAMPLES)


def node_of(key: str) -> str:
    """Return the key of a node's own files from that of any agent there: `KEY+3` is a task's."""
    return key.partition("+")[0]


class StepDir:
    """One launched command's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.command = path / "step.json"
        self.shim = path / "task.sh"
        self.programs = path / "programs.conf"
        self.end = path / "end.json"
        self.files = path / "files.json"
        self.worth = path / "worth.json"
        self.before = path / "before.gz"
        self.manifests = path / "manifests"
        self.nodes_dir = path / "nodes"
        self.captured_dir = path / "captured"
        self.expected = self.captured_dir / "expected.json"

    @property
    def number(self) -> int:
        """The step's place in the job, from 0, in the order of launching."""
        return int(self.path.name)

    def relative(self, path: Path) -> str:
        """Return a path in this folder as one below the job directory."""
        return path.relative_to(self.path.parents[2]).as_posix()

    def captured(self, kind: str) -> Path:
        """Return the file of one kind of capture."""
        return self.captured_dir / f"{kind}.json"

    def node_keys(self) -> list[str]:
        """Return the keys of all nodes that left any file, sorted."""
        keys = set()
        if self.nodes_dir.is_symlink():
            return []  # it would lead out of the record
        with contextlib.suppress(OSError), os.scandir(self.nodes_dir) as entries:
            for entry in entries:
                for suffix in (_TASKS, _EVENTS, _SAMPLES):
                    if entry.name.endswith(suffix):
                        keys.add(entry.name[: -len(suffix)])
        return sorted(keys)

    def node(self, key: str) -> NodeFiles:
        """Return the files of the node with this key."""
        return NodeFiles(self.nodes_dir, key)


class JobDir:
    """A job directory, whether it is being written or read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.document = path / "prov.json"
        self.report = path / "report.html"
        self.metrics = path / "metrics_GR0"
        self.artifacts = path / "artifacts_GR0"
        self.record = path / "record"
        self.job_file = self.record / "job.json"
        self.accounting = self.record / "accounting.json"
        self.steps_dir = self.record / "steps"

    @property
    def name(self) -> str:
        """The part of the folder's name before its number."""
        return self.path.name.rpartition("_")[0]

    @property
    def number(self) -> str:
        """The integer at the end of the folder's name: the job id."""
        return self.path.name.rpartition("_")[2]

    def is_ours(self) -> bool:
        """Tell whether this folder holds a record, as far as one may look."""
        return os.path.isdir(self.record)  # noqa: PTH112 - Path's raises where one may not enter

    def is_merged(self) -> bool:
        """Tell whether this folder holds a document, as far as one may look."""
        return os.path.isfile(self.document)  # noqa: PTH113 - as above

    def steps(self) -> Iterator[StepDir]:
        """Yield the step folders in order of their numbers."""
        try:
            # A link would lead out of the record.
            names = [e.name for e in os.scandir(self.steps_dir) if e.is_dir(follow_symlinks=False)]
        except OSError:
            return
        numbers = (of_digits(name, _MAX_DIGITS) for name in names)
        for number in sorted({number for number in numbers if number is not None}):
            yield StepDir(self.steps_dir / str(number))

    def add_step(self) -> StepDir:
        """Make the next step's folder; two launches at the same instant get different ones."""
        first = sum(1 for _ in self.steps())
        for number in range(first, first + _MAX_TRIES):
            step = StepDir(self.steps_dir / str(number))
            try:
                step.path.mkdir()
            except FileExistsError:
                continue
            step.nodes_dir.mkdir()
            return step
        raise OSError(f"no free step number in {self.steps_dir}")


def safe_name(text: str) -> str:
    """Return text as a folder's name: letters, digits, `._-`, at most 80 characters."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:_MAX_NAME]
    return name or "job"


def open_job_dir(
    base: Path,
    name: str,
    number: str | None,
    identity: Json,
    attempt: Mapping[str, int | None] = MappingProxyType({}),
) -> JobDir:
    """Make or join the directory of the job with this identity.

    A scheduler's job has a number, and every step with an equal identity joins its directory, also
    after a requeue. A local job (number None) gets the next free integer. The directory of another
    job is never joined: a reused job id gets a name of its own. `attempt` holds the job's `restart`
    count and start, `started_s`: one attempt that started twice is two jobs. Raises OSError if
    nothing can be written.
    """
    base.mkdir(parents=True, exist_ok=True)
    for turn in range(_MAX_TRIES):
        if number is None:
            directory = JobDir(base / f"{safe_name(name)}_{_next_number(base) + turn}")
        else:
            variant = f"-{turn + 1}" if turn else ""
            directory = JobDir(base / f"{safe_name(name)}{variant}_{number}")
        try:
            directory.path.mkdir()
        except FileExistsError:
            if number is None or not _same_job(directory, identity, attempt):
                continue
        directory.steps_dir.mkdir(parents=True, exist_ok=True)
        return directory
    raise OSError(f"no free job directory in {base}")


def _next_number(base: Path) -> int:
    numbers = [0]
    for entry in os.scandir(base):
        tail = of_digits(entry.name.rpartition("_")[2], _MAX_NUMBER_DIGITS)
        numbers.append(tail or 0)
    return max(numbers) + 1


def _same_job(directory: JobDir, identity: Json, attempt: Mapping[str, int | None]) -> bool:
    """Compare identities; a directory whose job file is still being written is the same job's."""
    try:
        found = json.loads(directory.job_file.read_text())
        if found["identity"] != identity:
            return False
        return same_number(found.get("scheduler", {}), attempt)
    except FileNotFoundError:
        return True
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def same_number(first: Mapping[str, Any], attempt: Mapping[str, Any]) -> bool:
    """Tell whether a job's number was not given again: one attempt that started twice is two jobs.

    Both have the `restart` of an attempt, and when that `started_s`, or None.
    """
    started_s = {first.get("started_s"), attempt.get("started_s")} - {None}
    return len(started_s) < 2 or first.get("restart") != attempt.get("restart")


def write_once(path: Path, content: str, mode: int = EVERYBODY) -> bool:
    """Write a file whole or not at all; False if another has written it before.

    `mode` is who may read it at most; the umask takes from that.
    """
    temporary = _temporary(path)
    try:
        fd = os.open(temporary, _NEW, mode)
        with open(fd, "w", encoding="utf-8", errors="surrogateescape") as stream:  # noqa: PTH123
            stream.write(content)
        return _link_once(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _link_once(temporary: Path, path: Path) -> bool:
    """Give a whole file its name; False if that is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:
        # Some file systems have no hard links: a rename is whole too, if not exclusive.
        if path.exists():
            return False
        temporary.replace(path)
    return True


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")


def replace_file(path: Path, content: bytes, mode: int = EVERYBODY) -> None:
    """Write a file so that readers see the old content or the new one, never a part.

    `mode` is who may read it at most; the umask takes from that.
    """
    temporary = _temporary(path)
    try:
        fd = os.open(temporary, _NEW, mode)
        with open(fd, "wb") as stream:  # noqa: PTH123 - it is open already
            stream.write(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def index_file(base: Path) -> Path:
    """Return the index of the jobs below a folder: made by the reading half, never needed."""
    return base / ".yprov-index.json"


def campaign_file(base: Path) -> Path:
    """Return the page of several jobs below a folder."""
    return base / "campaign.html"


def campaign_document(base: Path) -> Path:
    """Return the document of several jobs below a folder."""
    return base / "campaign" / "prov.json"
