"""A real Slurm on this machine, on loopback: munge, MariaDB, and Slurm's own daemons."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NODES = ("node1", "node2", "node3", "node4")
GPUS_PER_NODE = 2
PROGRAMS = (
    "munged", "mungekey", "mariadbd", "mariadb-install-db", "mariadb", "slurmdbd", "slurmctld",
    "slurmd", "sacctmgr", "sbatch", "scontrol",
)  # fmt: skip
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_START_TIMEOUT_S = 60.0


def missing_programs() -> list[str]:
    """Return the programs a cluster needs and this machine lacks."""
    return [name for name in PROGRAMS if _find(name) is None]


def has_cgroup_v1() -> bool:
    """Tell whether Slurm can track processes by version 1 control groups here."""
    return all(Path("/sys/fs/cgroup", name).is_dir() for name in ("freezer", "devices", "memory"))


def _find(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SBIN}")


def wait_until(
    happened: Callable[[], bool], what: str, timeout_s: float = _START_TIMEOUT_S
) -> None:
    """Return as soon as something is so; fail if it is not within the time."""
    give_up = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.02)


def _free_ports(count: int) -> list[int]:
    """Return free loopback ports, below the range from which the system hands out its own."""
    ports: list[int] = []
    candidate = 17_000 + os.getpid() * 16 % 8_000  # two clusters that start at once look apart
    while len(ports) < count:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
                ports.append(candidate)
            except OSError:
                pass
        candidate += 1
    return ports


@dataclass(frozen=True)
class Finished:
    """A batch job that has ended: its id, its state as accounting has it, and its output."""

    job_id: str
    state: str
    output: str


class SlurmCluster:
    """Four nodes of two GPUs and four CPUs each; ended by process ids."""

    def __init__(self, root: Path, tracker: str) -> None:
        self.root = root
        self.tracker = tracker
        self.elsewhere = root / "elsewhere"
        self.epilog = root / "epilog"
        self._daemons: list[subprocess.Popen[bytes]] = []
        ports = _free_ports(3 + len(NODES))
        self._db_port, self._dbd_port, self._ctl_port, *self._node_ports = ports
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "YPROV"))},
            "SLURM_CONF": str(root / "slurm.conf"),
            # Open MPI's daemons of two clusters would tidy up each other's folder of a node.
            "OMPI_MCA_orte_tmpdir_base": str(root / "ompi"),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }

    def start(self) -> None:
        """Bring everything up, in order; raise if a part does not come up."""
        self._write_configuration()
        self._start_munge()
        self._start_database()
        self._start_daemon("slurmdbd", "-D")
        wait_until(lambda: self._listens(self._dbd_port), "slurmdbd")
        self._account()
        self._start_daemon("slurmctld", "-D")
        for node in NODES[:-1]:
            self._start_daemon("slurmd", "-D", "-N", node)
        self._start_node_that_sees_a_folder_empty(NODES[-1])
        wait_until(self._all_idle, "four idle nodes")

    def stop(self) -> None:
        """End what was started, last first, by process id."""
        subprocess.run(["scancel", "-u", "root"], env=self.environ, check=False, timeout=30)
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def run(self, *command: str, timeout_s: float = 60) -> str:
        """Run one of Slurm's commands and return what it prints."""
        return subprocess.run(
            command, env=self.environ, check=True, capture_output=True, text=True, timeout=timeout_s
        ).stdout

    def submit(
        self,
        script: str,
        folder: Path,
        options: Sequence[str] = (),
        environ: Mapping[str, str] = {},
        arguments: Sequence[str] = (),
    ) -> str:
        """Submit a batch script from a folder and return its job id; output is `slurm-ID.out`."""
        path = folder / "job.sh"
        path.write_text(script)
        done = subprocess.run(
            ["sbatch", "--parsable", "-t", "5", *options, str(path), *arguments],
            cwd=folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().partition(";")[0]

    def wait(self, job_id: str, folder: Path, timeout_s: float = 120) -> Finished:
        """Return a job when it has ended and accounting knows it."""
        states: list[str] = []

        def ended() -> bool:
            fields = "State,End,Partition"
            listed = self.run("sacct", "-X", "-n", "-P", "-j", job_id, "-o", fields).split("\n")
            state, _, more = listed[0].partition("|")
            end, _, partition = more.partition("|")
            states.append(state)
            if not partition:  # it is known by its steps: its own start comes to accounting later
                return False
            if state in {"PENDING", "RUNNING", "REQUEUED", "RESIZING", "SUSPENDED", ""}:
                return False
            return end not in {"", "Unknown"} and "Completing" not in self._job_state(job_id)

        wait_until(ended, f"end of job {job_id} (states {states[-1:]})", timeout_s)
        output = folder / f"slurm-{job_id}.out"
        return Finished(
            job_id, states[-1], output.read_text(errors="replace") if output.exists() else ""
        )

    def batch(
        self,
        script: str,
        folder: Path,
        options: Sequence[str] = (),
        environ: Mapping[str, str] = {},
        timeout_s: float = 120,
    ) -> Finished:
        """Submit a script and wait for its end."""
        return self.wait(self.submit(script, folder, options, environ), folder, timeout_s)

    def await_state(self, job_id: str, state: str, timeout_s: float = 60) -> None:
        """Return when the controller has a job in this state, after it had it in another."""
        wait_until(lambda: self._job_state(job_id) != state.capitalize(), "the start", timeout_s)
        wait_until(lambda: self._job_state(job_id) == state.capitalize(), state, timeout_s)

    def _job_state(self, job_id: str) -> str:
        done = subprocess.run(
            ["squeue", "-h", "-j", job_id, "-o", "%T"],
            env=self.environ, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        return done.stdout.strip().capitalize()

    def _all_idle(self) -> bool:
        done = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%T"],
            env=self.environ, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        return done.stdout.split() == ["idle"] * len(NODES)

    def _start_daemon(self, program: str, *arguments: str) -> None:
        path = _find(program)
        assert path, f"{program} is not installed"
        with (self.root / f"{program}.stdout").open("ab") as log:
            self._daemons.append(
                subprocess.Popen(
                    [path, *arguments],
                    env=self.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def _start_node_that_sees_a_folder_empty(self, node: str) -> None:
        """Start a node on which what is installed in `elsewhere` on the others is not there."""
        self.elsewhere.mkdir()
        slurmd = _find("slurmd")
        assert slurmd
        script = f"mount -t tmpfs tmpfs {self.elsewhere} && exec {slurmd} -D -N {node}"
        self._start_daemon("unshare", "--mount", "--propagation", "private", "sh", "-c", script)

    def _listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _start_munge(self) -> None:
        key, socket_path = self.root / "munge.key", self.root / "munge.socket"
        mungekey = _find("mungekey")
        assert mungekey
        subprocess.run([mungekey, "--create", "--keyfile", str(key)], check=True)
        self._start_daemon(
            "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={socket_path}",
            f"--pid-file={self.root}/munge.pid", f"--log-file={self.root}/munge.log",
            f"--seed-file={self.root}/munge.seed",
        )  # fmt: skip
        wait_until(socket_path.exists, "munged")

    def _start_database(self) -> None:
        data = self.root / "mariadb"
        install = _find("mariadb-install-db")
        assert install
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--user=root",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        client_socket = self.root / "db.socket"
        self._start_daemon(
            "mariadbd", "--no-defaults", f"--datadir={data}", "--user=root",
            "--bind-address=127.0.0.1", f"--port={self._db_port}", f"--socket={client_socket}",
            f"--pid-file={self.root}/db.pid", "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=0",
        )  # fmt: skip
        wait_until(lambda: self._listens(self._db_port), "mariadbd")
        client = _find("mariadb")
        assert client
        statements = (
            "create database slurm_acct_db; create user 'slurm'@'%' identified by 'test';"
            "create user 'slurm'@'localhost' identified by 'test';"
            "grant all on slurm_acct_db.* to 'slurm'@'%';"
            "grant all on slurm_acct_db.* to 'slurm'@'localhost';"
        )
        subprocess.run(
            [client, "--no-defaults", f"--socket={client_socket}", "-u", "root", "-e", statements],
            check=True, timeout=60,
        )  # fmt: skip

    def _account(self) -> None:
        sacctmgr = ["sacctmgr", "-i"]
        wait_until(lambda: self._try([*sacctmgr, "add", "cluster", "testbed"]), "accounting")
        self.run(*sacctmgr, "add", "account", "physics", "Description=test", "Organization=test")
        self.run(*sacctmgr, "add", "user", "root", "Account=physics")

    def _try(self, command: Sequence[str]) -> bool:
        done = subprocess.run(
            command, env=self.environ, capture_output=True, check=False, timeout=30
        )
        return done.returncode == 0

    def _write_configuration(self) -> None:
        root = self.root
        for name in ("state", "ompi", *(f"spool-{node}" for node in NODES)):
            (root / name).mkdir()
        self._make_gpus()
        self.epilog.write_text("#!/bin/sh\nexit 0\n")
        self.epilog.chmod(0o755)
        by_cgroup = self.tracker == "cgroup"
        gather = "jobacct_gather/cgroup" if by_cgroup else "jobacct_gather/linux"
        task = "task/cgroup" if by_cgroup else "task/none"
        nodes = "\n".join(
            f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=4 "
            f"RealMemory=4000 Gres=gpu:{GPUS_PER_NODE}"
            for node, port in zip(NODES, self._node_ports, strict=True)
        )
        (root / "slurm.conf").write_text(f"""\
ClusterName=testbed
FirstJobId={50_001 if by_cgroup else 1}
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={self._ctl_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool-%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd-%n.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/{self.tracker}
TaskPlugin={task}
JobAcctGatherType={gather}
JobAcctGatherFrequency=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
GresTypes=gpu
MpiDefault=none
ReturnToService=2
KillWait=5
Epilog={self.epilog}
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={self._dbd_port}
AccountingStoragePass={root}/munge.socket
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
""")
        (root / "gres.conf").write_text(f"Name=gpu File={root}/gpu[0-{GPUS_PER_NODE - 1}]\n")
        (root / "cgroup.conf").write_text(
            "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nCgroupAutomount=no\n"
            "ConstrainDevices=yes\n"
        )
        database = root / "slurmdbd.conf"
        database.touch(mode=0o600)
        database.write_text(f"""\
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={self._dbd_port}
SlurmUser=root
PidFile={root}/slurmdbd.pid
LogFile={root}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={self._db_port}
StorageUser=slurm
StoragePass=test
StorageLoc=slurm_acct_db
""")

    def _make_gpus(self) -> None:
        """Make device nodes for Slurm to hand out; there is no driver behind them."""
        for index in range(GPUS_PER_NODE):
            os.mknod(self.root / f"gpu{index}", 0o666 | 0o020000, os.makedev(195, index))
