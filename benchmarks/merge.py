"""What a merge costs: seconds, memory and size of the document from 10 to 10,000 nodes.

    python benchmarks/merge.py [NODES...] [--library NODES]

Records come from benchmarks/synthesize.py (8 GPUs a node). Then 1,000 nodes of which 50 died an
hour into the job. At the end the same work by the `prov` library: reading a document per node and
updating one with it, where we begin with the traces.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
SYNTHESIZE = Path(__file__).with_name("synthesize.py")
GPUS = 8


def measure(*command: str) -> tuple[float, float, float]:
    """Run a command; return its wall time and CPU time in s, and its peak memory in MB."""
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{command[0]}: status {os.waitstatus_to_exitcode(status)}")
    wall_s = time.perf_counter() - started
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def synthesize(job_dir: Path, nodes: int, *more: str) -> None:
    """Write a record."""
    subprocess.run(
        [sys.executable, str(SYNTHESIZE), str(job_dir), "--nodes", str(nodes), "--gpus-per-node",
         str(GPUS), *more],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def report(words: str, job_dir: Path) -> None:
    """Merge and check a job, and print a row of the table."""
    wall_s, cpu_s, memory = measure(str(BIN / "yprov-merge"), "-q", "--no-report", str(job_dir))
    document = job_dir / "prov.json"
    records = sum(len(v) for k, v in json.loads(document.read_bytes()).items() if k != "prefix")
    check_s, _, _ = measure(str(BIN / "yprov-inspect"), "check", str(document))
    size = document.stat().st_size / 1e6
    print(
        f"| {words} | {wall_s:.2f} | {cpu_s:.2f} | {memory:.0f} | {size:.2f} | {records:,} "
        f"| {check_s:.2f} |",
        flush=True,
    )


def by_the_library(parts: Path) -> None:
    """Read each node's document with `prov`, update one with it, and write that."""
    from prov.model import ProvDocument

    together = ProvDocument()
    for part in sorted(parts.glob("*.json")):
        together.update(ProvDocument.deserialize(content=part.read_text(), format="json"))
    with (parts / "together").open("w") as stream:
        together.serialize(stream, format="json")


def as_we_do(parts: Path) -> None:
    """Do the same with the merge's own records: dictionaries, written a record a line."""
    from yprov_run.provenance.document import lines
    from yprov_run.provenance.records import Records

    together = Records({})
    for part in sorted(parts.glob("*.json")):
        for kind, records in json.loads(part.read_bytes()).items():
            if kind == "prefix":
                together.prefixes.update(records)
                continue
            for identifier, record in records.items():
                together.add(kind, identifier, record)
    with (parts / "together").open("wb") as stream:
        stream.writelines(lines(together.as_json()))


def documents_of_nodes(document: Path, folder: Path) -> int:
    """Write what a document says of each node as a document of its own; return their number."""
    whole = json.loads(document.read_bytes())
    uses: dict[str, dict[str, dict[str, str]]] = {}
    for name, use in whole["used"].items():
        uses.setdefault(use["prov:activity"], {})[name] = use
    nodes = [name for name in whole["activity"] if name.startswith("node/")]
    folder.mkdir()
    for number, node in enumerate(nodes):
        entities = {use["prov:entity"] for use in uses[node].values()}
        informed = f"wasInformedBy/{node}/step/0"
        part = {
            "prefix": whole["prefix"],
            "entity": {name: whole["entity"][name] for name in sorted(entities)},
            "activity": {node: whole["activity"][node]},
            "used": uses[node],
            "wasInformedBy": {informed: whole["wasInformedBy"][informed]},
        }
        (folder / f"{number:06d}.json").write_text(json.dumps(part))
    return len(nodes)


def beside_the_library(folder: Path, nodes: int) -> None:
    """Print what `prov` takes for the documents of the nodes that we merge from their traces."""
    job_dir = folder / f"library_{nodes}"
    synthesize(job_dir, nodes)
    merge = (str(BIN / "yprov-merge"), "-q", "--no-report", "--detail", "gpu", str(job_dir))
    wall_s, cpu_s, memory = measure(*merge)
    parts = folder / "parts"
    documents_of_nodes(job_dir / "prov.json", parts)
    ours = measure(sys.executable, __file__, "--as-we-do", str(parts))
    theirs = measure(sys.executable, __file__, "--by-library", str(parts))
    print(f"\n{nodes:,} nodes, every GPU in the document:\n")
    print("| | s | CPU s | MB |\n|---|---|---|---|")
    for words, (wall, cpu, megabytes) in {
        "`prov`: read a document per node, update one": theirs,
        "the same documents, with the merge's records": ours,
        "the whole merge, from the traces on": (wall_s, cpu_s, memory),
    }.items():
        print(f"| {words} | {wall:.2f} | {cpu:.2f} | {megabytes:.0f} |")
    print(f"\nOn the same documents, `prov` takes {theirs[1] / ours[1]:.1f} times the CPU time.")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("nodes", type=int, nargs="*", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--library", type=int, default=1_000, metavar="NODES", help="0: without")
    parser.add_argument("--as-we-do", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--by-library", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.by_library:
        by_the_library(asked.by_library)
        return
    if asked.as_we_do:
        as_we_do(asked.as_we_do)
        return
    print("| nodes x 8 GPUs | s | CPU s | MB | document MB | records | check s |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for nodes in asked.nodes:
            job_dir = Path(name, f"job_{nodes}")
            synthesize(job_dir, nodes)
            report(f"{nodes:,}", job_dir)
        job_dir = Path(name, "died_1")
        synthesize(job_dir, 1_000, "--die", "50")
        report("1,000, 50 died after an hour", job_dir)
        if asked.library:
            beside_the_library(Path(name), asked.library)


if __name__ == "__main__":
    main()
