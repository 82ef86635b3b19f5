"""What only accounting knows, asked of `sacct` while a merge runs where it can be asked.

The answer is kept in the record, so that a later merge elsewhere has it. It is the one file there
that the reading half writes. sacct's table is read and not its JSON: Slurm 22.05's JSON lacks the
submit line and the peak memory, and gives steps that failed an exit status of 0.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict

from yprov_run.jobdir import SCHEMA_VERSION, JobDir, replace_file
from yprov_run.kinds.accounting import Captured, Entry
from yprov_run.merge import fields
from yprov_run.merge.restore import restore
from yprov_run.numerals import of_digits
from yprov_run.redaction.text import redact_json

FIELDS = (
    "JobIDRaw", "JobID", "JobName", "User", "Account", "Partition", "QOS", "Reservation", "Cluster",
    "State", "ExitCode", "DerivedExitCode", "Submit", "Eligible", "Start", "End", "ElapsedRaw",
    "TimelimitRaw", "TotalCPU", "CPUTimeRAW", "NNodes", "NTasks", "NodeList", "ReqTRES",
    "AllocTRES", "MaxRSS", "MaxRSSNode", "MaxRSSTask", "AveRSS", "MaxVMSize", "MaxDiskRead",
    "MaxDiskWrite", "ConsumedEnergyRaw", "Reason", "WorkDir", "SubmitLine",
)  # fmt: skip
_LIMIT_S = 5.0
_MAX_BYTES = 8 << 20
_UNIT, _NEW = "\x1f", "\n"
_NOT_FINAL = {"PENDING", "RUNNING", "REQUEUED", "RESIZING", "SUSPENDED", "COMPLETING", ""}


def read_accounting(directory: JobDir) -> Captured | None:
    """Return what accounting said when it was last asked; None if nobody could ask it."""
    record, _ = fields.load(directory.accounting)
    return restore(Captured, record.get("data"))


def ask_accounting(directory: JobDir) -> None:
    """Ask accounting of a Slurm job, where it can be asked, and keep the answer; bounded at 5 s.

    An answer that is final is not asked for again. No answer, or one of another job with the same
    number (on another cluster, or of another user), changes nothing.
    """
    record, _ = fields.load(directory.job_file)
    scheduler = fields.mapping(record, "scheduler")
    number = fields.text(scheduler, "number")
    if fields.text(scheduler, "scheduler") != "slurm" or of_digits(number) is None:
        return
    kept = read_accounting(directory)
    if (kept is not None and kept.final) or shutil.which("sacct") is None:
        return
    size = fields.text(fields.mapping(scheduler, "variables"), "SLURM_HET_SIZE")
    try:
        asked = _ask(number, of_digits(size) or 1)
    except (OSError, subprocess.SubprocessError, ValueError):
        return
    user = fields.text(fields.mapping(record, "user"), "name")
    if asked.starts and _is_same(asked.starts[-1], fields.text(scheduler, "cluster"), user):
        _keep(directory, asked)


def _is_same(start: Entry, cluster: str, user: str) -> bool:
    on_same = not cluster or start.get("Cluster") in {cluster, ""}
    return on_same and start.get("User") in {user, ""}


def _ask(number: str, components: int) -> Captured:
    names = list(FIELDS)
    while True:
        command = ["sacct", "-n", "-P", "-D", f"--delimiter={_UNIT}", "-j", number,
                   "-o", ",".join(names)]  # fmt: skip
        done = subprocess.run(
            command,
            env={**os.environ, "SLURM_TIME_FORMAT": "%s"},  # UTC, whatever the time zone
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT_S,
            check=False,
        )
        if done.returncode == 0:
            return parse(
                done.stdout[:_MAX_BYTES].decode("utf-8", "replace"), number, names, components
            )
        words = done.stderr.decode("utf-8", "replace")
        invalid = [name for name in names if f'"{name}"' in words]
        if not invalid or "nvalid field" not in words:
            raise ValueError(words.strip().partition("\n")[0] or f"exit status {done.returncode}")
        names.remove(invalid[0])  # an older Slurm


def parse(table: str, number: str, names: list[str], components: int = 1) -> Captured:
    """Return a table of `sacct -P` as entries; only those of this very job, not of its array.

    `components` are those that a heterogeneous job has; one of it may come to accounting later
    than another, and before all have come the answer is not final.
    """
    rows: list[list[str]] = []
    for line in table.split(_NEW):
        if line.count(_UNIT) >= len(names) - 1:
            rows.append(line.split(_UNIT, len(names) - 1))
        elif rows and line:
            rows[-1][-1] += f"\n{line}"  # a submit line of several lines
    entries = [Entry(row[0], {k: v for k, v in zip(names, row, strict=True) if v}) for row in rows]
    own = [entry for entry in entries if _job_of(entry) == number]
    # Slurm writes the component behind a plus sign: job 7 with id 7 is 7+0, that with id 8 is 7+1.
    others = [
        entry
        for entry in entries
        if _job_of(entry) != number and entry.get("JobID").startswith(f"{number}+")
    ]
    starts = tuple(entry for entry in own if entry.id == number)
    members = tuple(entry for entry in others if "." not in entry.id)
    last = {entry.id: entry for entry in (*starts, *members)}
    if starts and "+" not in starts[-1].get("JobID"):
        components = 1  # the variable that tells how many may be inherited from another job
    return Captured(
        asked_ms=time.time_ns() // 1_000_000,
        source="sacct",
        starts=starts,
        steps=tuple(entry for entry in (*own, *others) if "." in entry.id),
        members=members,
        final=bool(starts) and len(last) >= components and all(map(_has_ended, last.values())),
    )


def _job_of(entry: Entry) -> str:
    return entry.id.partition(".")[0]


def _has_ended(entry: Entry) -> bool:
    # A job without a partition is known by its steps: its own start, and with it its name and its
    # submit line, may come to accounting seconds after them, also when the job has ended.
    is_whole = bool(entry.get("Partition"))
    return is_whole and entry.state not in _NOT_FINAL and bool(entry.get("End"))


def _keep(directory: JobDir, asked: Captured) -> None:
    record = {"schema": SCHEMA_VERSION, "kind": "accounting", "data": redact_json(asdict(asked))}
    try:
        replace_file(directory.accounting, (json.dumps(record, indent=1) + "\n").encode())
    except OSError:
        return  # a merge of somebody else's job, or from a copy that cannot be written
