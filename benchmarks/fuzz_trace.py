"""Feed mutated traces to what reads a node's files, guided by coverage; run by hand.

    pip install atheris
    python benchmarks/fuzz_trace.py FOLDER [-max_total_time=60]

FOLDER keeps the inputs that reached something new. An input is a node's three files, one after
another, parted by lines of `====`. What crashes belongs into tests/data/traces, where a test reads
it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["yprov_run", "json"]):
    from yprov_run.jobdir import NodeFiles
    from yprov_run.merge.node import read_node

PARTS = (".tasks", ".events.jsonl", ".samples.csv")
SEPARATOR = b"\n====\n"
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-trace-"))
_FILES = NodeFiles(_FOLDER, "node1-abc")


def write(content: bytes, folder: Path, key: str) -> None:
    """Write an input's parts as a node's files."""
    for suffix, part in zip(PARTS, content.split(SEPARATOR), strict=False):
        (folder / f"{key}{suffix}").write_bytes(part)


def one(content: bytes) -> None:
    """Read one input; nothing but an answer is right."""
    write(content, _FOLDER, "node1-abc")
    execution, gaps = read_node(_FILES, _FOLDER, 1_800_000_000_000)
    assert all(isinstance(gap, str) for gap in gaps)
    assert execution.key == "node1-abc"


def _seed(folder: Path) -> None:
    """Write a whole trace as the first input, so that mutations begin from something real."""
    columns = '[["cpu_busy_permille","cpu_busy",null],["gpu0_energy_dj","gpu_energy",0]]'
    device = '[{"index":0,"uuid":"GPU-1","name":"X"}]'
    figures = "[2,1,2,1,0,2,1000,1000,3000,1,0]"
    parts = (
        b"task 0 0 4 -\n",
        (
            '{"event":"node","time_ms":0,"name":"node1","utc_ms_at_zero":1,"interval_s":1.0}\n'
            '{"event":"task","time_ms":0,"rank":0,"local_rank":0,"pid":4,"age_ms":0}\n'
            f'{{"event":"columns","time_ms":0,"columns":{columns},"devices":{device}}}\n'
            '{"event":"task_end","time_ms":9,"pid":4,"exit_status":0}\n'
            f'{{"event":"end","time_ms":9,"rows":2,"reduction":{{"columns":{{"gpu0_energy_dj":'
            f'{figures}}},"devices":{{"0":{{}}}},"first_ms":0,"last_ms":9}}}}\n'
        ).encode(),
        b"time_ms,cpu_busy_permille,gpu0_energy_dj\n0,1,2\n1000,2,3\n",
    )
    folder.mkdir(exist_ok=True)
    (folder / "seed").write_bytes(SEPARATOR.join(parts))
    (folder / "seed-died").write_bytes(
        SEPARATOR.join((parts[0], parts[1].rpartition(b'{"event":"end"')[0], parts[2]))
    )


if __name__ == "__main__":
    _seed(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
