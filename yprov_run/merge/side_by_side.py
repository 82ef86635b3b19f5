"""Reading thousands of nodes on all cores, and more beside it: forked, each with a pipe to us.

Nothing is shared and nothing outlives us: a reader whose pipe nobody reads ends by itself. Where a
reader can't be started, or dies, its part is read here.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE = 32
_FEWEST = 128  # for fewer a fork is not worth its while
_MAX_READERS = 8
_LENGTH_BYTES = 8


def each(
    items: Sequence[Item], read: Callable[[Item], Result], cores: int | None = None
) -> Iterator[Result]:
    """Yield `read(item)` for every item, in their order. What `read` raises, is raised here."""
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    parts = [items[first : first + _AT_ONCE] for first in range(0, len(items), _AT_ONCE)]
    readers: list[_Reader[Item, Result]] = []
    if cores > 1 and len(items) >= _FEWEST:
        count = min(cores, _MAX_READERS, len(parts))
        readers = [_Reader(parts[number::count], read, readers) for number in range(count)]
    try:
        for number, part in enumerate(parts):
            results = readers[number % len(readers)].next() if readers else None
            yield from results if results is not None else map(read, part)
    finally:
        for reader in readers:
            reader.close()


@contextlib.contextmanager
def beside(work: Callable[[], Result], is_worth_it: bool) -> Iterator[Callable[[], Result]]:
    """Do some work in a process beside us; what is yielded waits for its result and returns it.

    Where it is not worth a fork, there is one core, or that process dies, it is done here, then.
    """
    alone = not is_worth_it or len(os.sched_getaffinity(0)) < 2
    helper = None if alone else _Reader([[None]], lambda _: work(), [])

    def result() -> Result:
        found = helper.next() if helper else None
        return work() if found is None else found[0]

    try:
        yield result
    finally:
        if helper:
            helper.close()


class _Reader(Generic[Item, Result]):
    """A forked process that reads every n-th part."""

    def __init__(
        self,
        parts: Sequence[Sequence[Item]],
        read: Callable[[Item], Result],
        others: Sequence[_Reader[Item, Result]],
    ) -> None:
        self._pid = 0
        out, into = os.pipe()
        self._stream = os.fdopen(out, "rb")
        try:
            pid = os.fork()
        except OSError:
            os.close(into)
            return
        if pid == 0:
            _work(into, parts, read, [self, *others])
        os.close(into)
        self._pid = pid

    def next(self) -> list[Result] | None:
        """Return the next part's results; None if the reader has none: it is dead then."""
        length = int.from_bytes(self._stream.read(_LENGTH_BYTES), "little")
        data = self._stream.read(length)
        if not length or len(data) < length:
            return None
        found: list[Result] = pickle.loads(data)  # noqa: S301 - from our own process
        return found

    def close(self) -> None:
        self._stream.close()
        if self._pid:
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(self._pid, 0)


def _work(
    into: int,
    parts: Sequence[Sequence[Item]],
    read: Callable[[Item], Result],
    readers: Sequence[_Reader[Item, Result]],
) -> None:
    """Read our parts in a fresh process, which never returns from here."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for reader in readers:
            os.close(reader._stream.fileno())
        with os.fdopen(into, "wb") as stream:
            for part in parts:
                data = pickle.dumps([read(item) for item in part], pickle.HIGHEST_PROTOCOL)
                stream.write(len(data).to_bytes(_LENGTH_BYTES, "little") + data)
                stream.flush()
    finally:
        # Whatever it was, the parent reads the part itself and meets it there.
        os._exit(0)
