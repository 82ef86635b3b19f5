"""Checksums of many files: in parallel, within a budget, in the order in which they were given."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from yprov_run.light import TYPE_CHECKING, NamedTuple
from yprov_run.safefile import open_regular

if TYPE_CHECKING:
    from concurrent.futures import Future

_CHUNK_BYTES = 1 << 20
_BATCH_FILES = 64
_BATCH_BYTES = 8 << 20
_WAITING_BATCHES = 4  # per thread: so much is read ahead, whatever there is
_MAX_THREADS = 8

OVER_BUDGET = "no checksum: beyond the budget; size, time and inode stand for the content"
INTERRUPTED = "no checksum: interrupted; size, time and inode stand for the content"
CHANGED = "no checksum: it changed while it was read"


class Version(NamedTuple):
    """What tells one version of a file from another where there is no checksum."""

    size_bytes: int
    modified_ns: int
    inode: int


class Hashed(NamedTuple):
    """A file as it was met: its version and checksum, or a note that says why there is none."""

    path: str
    version: Version | None
    sha256: str | None
    note: str = ""


class Budget:
    """How long checksums may take and how many bytes they may read, over all threads."""

    def __init__(
        self, seconds: float, size_bytes: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._give_up = monotonic() + seconds
        self._left = size_bytes
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._stopped = False
        self.hashed_files = 0
        self.hashed_bytes = 0

    def stop(self) -> None:
        """Begin no further checksum and give up those under way."""
        self._stopped = True

    def refusal(self) -> str:
        """Return why no time is left; empty while there is some."""
        if self._stopped:
            return INTERRUPTED
        return OVER_BUDGET if self._monotonic() > self._give_up else ""

    def take(self, size_bytes: int) -> str:
        """Reserve so many bytes; return why not where that is refused."""
        if refusal := self.refusal():
            return refusal
        with self._lock:
            if size_bytes > self._left:
                return OVER_BUDGET
            self._left -= size_bytes
        return ""

    def count(self, size_bytes: int, files: int = 0) -> None:
        """Note what was read, for who waits."""
        with self._lock:
            self.hashed_bytes += size_bytes
            self.hashed_files += files


def version_of(status: os.stat_result) -> Version:
    """Return the version that a file's status stands for."""
    return Version(status.st_size, status.st_mtime_ns, status.st_ino)


def threads() -> int:
    """Return how many files are read at once: as this process may use processors, at most 8."""
    return min(_MAX_THREADS, len(os.sched_getaffinity(0)))


def hash_all(
    files: Iterable[tuple[str, os.stat_result | None]],
    budget: Budget,
    pseudo: frozenset[int] = frozenset(),
) -> Iterator[Hashed]:
    """Yield each file with its checksum, in order, holding no more than a few hundred at a time.

    A status that was taken already spares one. Nothing that is no regular file is opened.
    """
    batches = _batches(files)
    first = next(batches, [])
    second = next(batches, None)
    if second is None:  # so few that threads are not worth it
        yield from _hash_batch(first, budget, pseudo)
        return
    # Only here: few steps have so many files, and the import takes longer than their checksums.
    from concurrent.futures import ThreadPoolExecutor

    workers = threads()
    waiting: deque[Future[list[Hashed]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for batch in chain((first, second), batches):
            waiting.append(pool.submit(_hash_batch, batch, budget, pseudo))
            if len(waiting) >= workers * _WAITING_BATCHES:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


_Batch = list[tuple[str, os.stat_result | None]]


def _batches(files: Iterable[tuple[str, os.stat_result | None]]) -> Iterator[_Batch]:
    """Put small files together; one large file is a batch of its own, so that all threads work."""
    batch: _Batch = []
    size = 0
    for path, status in files:
        batch.append((path, status))
        size += status.st_size if status is not None else _BATCH_BYTES
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hash_batch(batch: _Batch, budget: Budget, pseudo: frozenset[int]) -> list[Hashed]:
    return [_hash(path, status, budget, pseudo) for path, status in batch]


def _hash(
    path: str, status: os.stat_result | None, budget: Budget, pseudo: frozenset[int]
) -> Hashed:
    try:
        found = os.stat(path) if status is None else status  # noqa: PTH116 - as it was given
        if not stat.S_ISREG(found.st_mode):
            return Hashed(path, None, None, f"not read: {kind(found.st_mode)}")
        if found.st_dev in pseudo:
            return Hashed(path, None, None, "not read: its content is made by the system")
        if refusal := budget.take(found.st_size):
            return Hashed(path, version_of(found), None, refusal)
        return _read(path, budget)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        known = None if status is None else version_of(status)
        return Hashed(path, known, None, f"unreadable: {words}")


def _read(path: str, budget: Budget) -> Hashed:
    # Here and not above: OpenSSL takes 5 ms to load, and most jobs that end at once have no files.
    import hashlib

    fd = open_regular(path)
    try:
        before = os.fstat(fd)
        digest = hashlib.sha256()
        length = 0
        while chunk := os.read(fd, _CHUNK_BYTES):
            digest.update(chunk)
            length += len(chunk)
            budget.count(len(chunk))
            if length > before.st_size:
                break  # it grows, or it never ends
            if refusal := budget.refusal():
                return Hashed(path, version_of(before), None, refusal)
        after = os.fstat(fd)
    finally:
        os.close(fd)
    budget.count(0, files=1)
    if version_of(before) != version_of(after) or length != after.st_size:
        return Hashed(path, version_of(after), None, CHANGED)
    return Hashed(path, version_of(after), digest.hexdigest())


def kind(mode: int) -> str:
    """Return what a path is that is no regular file, in words."""
    names = {
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a link",
    }
    return names.get(stat.S_IFMT(mode), "no regular file")
