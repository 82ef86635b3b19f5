"""What many and large inputs cost: before the program starts, and after it has ended.

100,000 files of 1 KiB and five of 1 GB are made. Rounds with them as inputs and without are
interleaved. Then the whole is hashed once, within the usual budget; and a million empty files are
surveyed, for time and memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cases import BIN, OURS, Bench

_SMALL_BYTES, _LARGE_FILES = 1 << 10, 5
_SURVEY = """
import json, resource, sys, time
from pathlib import Path
from yprov_run.capture.before import Before
from yprov_run.capture.files import Survey, Wanted
from yprov_run.capture.hashing import Budget
folder = sys.argv[1]
began = time.monotonic()
survey = Survey(Wanted(folder, ["many"], own_streams=False, look_around=False), Before(1 << 62),
                Budget(600, 50 * 10**9), Path(folder) / "manifests", walk_until=began + 600)
(found,) = survey.run().collections
size = (Path(folder) / "manifests" / found.manifest).stat().st_size
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"files": found.count, "unhashed": found.unhashed_count,
                  "wall_s": time.monotonic() - began, "peak_mib": peak / 1024,
                  "table_mb": size / 1e6}))
"""


def measure(bench: Bench) -> dict[str, Any]:
    """Return milliseconds until the program runs, by inputs; the whole; a survey; GB a second."""
    small, large_bytes, empty_files = (
        (1_000, 10**7, 10_000) if bench.quick else (10**5, 10**9, 10**6)
    )
    empty, full = bench.room("files", "empty"), bench.room("files", "full")
    _make_inputs(full, small, large_bytes)
    for folder in (empty, full):  # here only the start is measured: no time is given to checksums
        (folder / "yprov.yaml").write_text("checksum_seconds: 0\n")
    named = ["-i", "small", "-i", "large"]
    with_inputs = f"{small:,} files of 1 KiB and {_LARGE_FILES * large_bytes / 1e9:g} GB"
    until: dict[str, list[float]] = {"no inputs": [], with_inputs: []}
    rounds = 3 if bench.quick else 9
    for _ in range(rounds):
        until["no inputs"].append(_until_start_ms([], empty))
        until[with_inputs].append(_until_start_ms(named, full))
    (full / "yprov.yaml").unlink()
    began = time.perf_counter()
    subprocess.run([BIN / OURS, "-q", *named, "true"], cwd=full, check=True)
    return {
        "rounds": rounds,
        "until_ms": until,
        "whole_s": round(time.perf_counter() - began, 2),
        "survey": _survey(bench.room("files", "survey"), empty_files),
        "gb_per_s": _hash_rates(full / "large/0.bin"),
    }


def _make_inputs(folder: Path, small: int, large_bytes: int) -> None:
    for number in range(small):
        place = folder / f"small/{number // 1000:03}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        (place / f"{number}.bin").write_bytes(number.to_bytes(4, "big") * (_SMALL_BYTES // 4))
    (folder / "large").mkdir()
    block = os.urandom(10**6)
    for number in range(_LARGE_FILES):
        with (folder / f"large/{number}.bin").open("wb") as stream:
            for _ in range(large_bytes // len(block)):
                stream.write(block)


def _until_start_ms(words: list[str], folder: Path) -> float:
    """Return how long after the launch the program itself runs."""
    began = time.time()
    command = [str(BIN / OURS), "-q", "--no-merge", *words, "date", "+%s.%N"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return round(1000 * (float(done.stdout) - began), 2)


def _survey(folder: Path, count: int) -> dict[str, float]:
    """Return what one folder of many empty files takes."""
    (folder / "many").mkdir()
    for number in range(count):
        os.close(os.open(folder / "many" / str(number), os.O_CREAT | os.O_WRONLY))
    told = subprocess.run(
        [sys.executable, "-c", _SURVEY, folder], check=True, capture_output=True, text=True
    ).stdout
    return {what: round(figure, 2) for what, figure in json.loads(told).items()}


def _hash_rates(path: Path) -> dict[str, float]:
    """Return how many GB one thread hashes in a second of CPU time, by algorithm."""
    rates = {}
    for name in ("sha256", "blake2b"):
        digest = hashlib.new(name)
        began = time.process_time()
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        rates[name] = round(path.stat().st_size / (time.process_time() - began) / 1e9, 2)
    return rates
