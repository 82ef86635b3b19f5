"""yprov-inspect watch: on a real terminal (tmux), and frame by frame with a clock of our own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shlex
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import need
from tests.support.commands import environment, run
from tests.support.records import STARTED_MS, Load, Shape, columns_of, imbalanced, write_record
from tests.support.slurm import wait_until
from yprov_run.jobdir import JobDir, StepDir
from yprov_run.report.live import LiveJob
from yprov_run.report.screen import frame, sparkline
from yprov_run.trace import samples

LIVE = Shape(nodes=4, gpus=2, seconds=60, load=imbalanced, has_end=False, number=7)
NOW_MS = STARTED_MS + 61_000


class Tmux:
    """A terminal of our own: a tmux server with one window of 80 by 24."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux")
        self._env = environment(LC_ALL="C.UTF-8", TERM="xterm-256color", PS1="READY$ ")
        self("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sh")
        self("set-option", "-g", "status", "off")
        self("resize-window", "-x", "80", "-y", "24")

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *words],
            env=self._env, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        self("send-keys", "-l", text)

    def enter(self, command: str) -> None:
        """Enter a command line."""
        self.type(command)
        self("send-keys", "Enter")

    @property
    def screen(self) -> list[str]:
        """What the window shows."""
        return self("capture-pane", "-p").split("\n")[:-1]

    def wait_for(self, words: str) -> None:
        """Return when the window shows some words."""
        wait_until(lambda: any(words in line for line in self.screen), words)

    def wait_until_gone(self, words: str) -> None:
        """Return when the window shows some words no more."""
        wait_until(lambda: all(words not in line for line in self.screen), f"no {words}")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    need([name for name in ("tmux",) if shutil.which(name) is None], "watch on a terminal")
    terminal = Tmux(tmp_path)
    yield terminal
    terminal("kill-server")


def _append(directory: JobDir, node: int, time_ms: int, use_percent: int) -> None:
    (path,) = directory.path.glob(f"record/steps/0/nodes/node000{node}-*.samples.csv")
    values: list[int | None] = [
        use_percent if column.quantity.name == "gpu_utilisation" else 1
        for column in columns_of(LIVE.gpus)
    ]
    with path.open("a") as stream:
        stream.write(samples.row(time_ms, values) + "\n")


def test_a_running_job_is_shown_live_and_q_gives_the_terminal_back(
    tmux: Tmux, tmp_path: Path
) -> None:
    started_ms = time.time_ns() // 1_000_000 - 60_000
    directory = write_record(tmp_path, replace(LIVE, started_ms=started_ms))
    tmux.enter(f"yprov-inspect watch {shlex.quote(str(directory.path))} --every 0.1")
    tmux.wait_for("4 nodes, 8 GPUs")
    screen = tmux.screen
    assert len(screen) == 24
    assert "train 7  running" in screen[0]
    assert "q ends" in screen[-1]
    for use in ("41%", "77%"):
        assert not any(use in line for line in tmux.screen if line.startswith("node0002"))
        now_ms = time.time_ns() // 1_000_000
        _append(directory, 2, now_ms - started_ms, int(use[:2]))
        tmux.wait_for(f" {use} ")
    tmux.type("q")
    tmux.wait_until_gone("q ends")
    tmux.enter("stty -a | grep -o ' icanon'; echo GONE")
    tmux.wait_for("icanon")


def test_a_new_frame_is_written_over_the_old_one_and_nothing_is_cleared_first(
    tmp_path: Path,
) -> None:
    directory = write_record(tmp_path, LIVE)
    command = ["yprov-inspect", "watch", str(directory.path), "--every", "0.1"]
    child, master = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, environment(LC_ALL="C.UTF-8", TERM="xterm"))
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    seen = b""
    give_up = time.monotonic() + 60
    while seen.count(b"\x1b[J") < 4:
        assert time.monotonic() < give_up, seen
        if select.select([master], [], [], 1)[0]:
            seen += os.read(master, 65536)
    os.write(master, b"q")
    with suppress(OSError):  # the other side is gone
        while rest := os.read(master, 65536):
            seen += rest
    os.waitpid(child, 0)
    os.close(master)
    assert b"\x1b[2J" not in seen
    frames = seen.split(b"\x1b[H")[1:]
    assert len(frames) >= 4
    assert all(frame.count(b"\x1b[K") == 24 for frame in frames)


def test_ctrl_c_gives_the_terminal_back_too(tmux: Tmux, tmp_path: Path) -> None:
    directory = write_record(tmp_path, LIVE)
    for _ in range(2):
        tmux.enter(f"yprov-inspect watch {shlex.quote(str(directory.path))}")
        tmux.wait_for("q ends")
        tmux("send-keys", "C-c")
        tmux.wait_until_gone("q ends")
    tmux.enter("stty -a | grep -o ' icanon'; echo GONE")
    tmux.wait_for("icanon")


def test_suspended_it_gives_the_terminal_back_and_goes_on_as_before(
    tmux: Tmux, tmp_path: Path
) -> None:
    directory = write_record(tmp_path, LIVE)
    tmux.enter("bash --norc")
    tmux.enter(f"yprov-inspect watch {shlex.quote(str(directory.path))} --every 0.1")
    tmux.wait_for("q ends")
    tmux("send-keys", "C-z")
    tmux.wait_until_gone("q ends")
    tmux.enter("stty -a | grep -o ' icanon'; echo SUSPENDED")
    tmux.wait_for("icanon")
    assert tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").split() == ["1", "0"]
    tmux.enter("fg")
    tmux.wait_for("q ends")
    tmux.type("q")
    tmux.wait_until_gone("q ends")


def test_a_window_that_changes_its_size_is_filled_again(tmux: Tmux, tmp_path: Path) -> None:
    directory = write_record(tmp_path, LIVE)
    tmux.enter(f"yprov-inspect watch {shlex.quote(str(directory.path))} --every 0.1")
    tmux.wait_for("q ends")
    tmux("resize-window", "-x", "120", "-y", "30")
    wait_until(lambda: len(tmux.screen) == 30 and "q ends" in tmux.screen[29], "thirty lines")
    tmux.type("q")
    tmux.wait_until_gone("q ends")


def _frame(directory: JobDir, now_ms: int = NOW_MS, width: int = 80, height: int = 24) -> list[str]:
    live = LiveJob(directory)
    live.refresh()
    return [line.plain for line in frame(live, now_ms, width, height)]


def test_silent_nodes_stand_first_then_the_least_used(tmp_path: Path) -> None:
    shape = replace(LIVE, dies_s={3: 20.0}, load=_slow_second)
    lines = _frame(write_record(tmp_path, shape))
    assert "4 nodes, 8 GPUs, 1 silent, 1 behind" in lines[1]
    rows = [line for line in lines if line.startswith("node0")]
    assert [row.split()[0] for row in rows] == ["node0003", "node0001", "node0000", "node0002"]
    assert rows[0].split()[1:4] == ["!", "41", "s"]
    assert rows[1].split()[1] == "<"


def _slow_second(node: int, gpu: int, time_s: float) -> tuple[float, float, float]:
    return 300.0, (0.3 if node == 1 else 0.9 + node / 100), 10.0


def _with_helpers(folder: Path, has_other_gpus: bool, seconds: int = 60) -> JobDir:
    """Write a job of two nodes; on each a task's own agent samples one more GPU, or the same."""
    shape = replace(LIVE, nodes=2, gpus=1, load=lambda *_: (300.0, 0.9, 10.0))
    directory = write_record(folder / "own", shape)
    theirs = replace(shape, load=lambda *_: (100.0, 0.3, 20.0), seconds=seconds)
    step = StepDir(directory.steps_dir / "0")
    other = StepDir(write_record(folder / "theirs", theirs).steps_dir / "0")
    for key in other.node_keys():
        ours, events = step.node(f"{key}+1"), other.node(key).events.read_text()
        uuid = "GPU-task" if has_other_gpus else "GPU-node"
        ours.events.write_text(events.replace("GPU-node", uuid))
        shutil.copy(other.node(key).samples, ours.samples)
        step.node(f"{key}+2").tasks.write_text("task 2 2 2002 -\n")  # its agent saw nothing new
    return directory


def test_a_node_whose_tasks_see_other_gpus_is_one_node_with_all_of_them(tmp_path: Path) -> None:
    lines = _frame(_with_helpers(tmp_path, has_other_gpus=True))
    assert lines[1] == "2 nodes, 4 GPUs"
    assert "mean 60%" in lines[2]
    assert "0.80 kW" in lines[3]
    start = next(place for place, line in enumerate(lines) if line.startswith("node0000"))
    node, *gpus = (line.split() for line in lines[start : start + 3])
    assert node[3:8] == ["60%", "400", "W", "20.0", "GiB"]
    assert [words[:5] for words in gpus] == [
        ["GPU", "0", "90%", "300", "W"],
        ["GPU", "1", "30%", "100", "W"],
    ]
    assert sum(line.startswith("node") for line in lines) == 3  # the heading, and two


def test_a_gpu_that_two_agents_see_is_counted_once(tmp_path: Path) -> None:
    lines = _frame(_with_helpers(tmp_path, has_other_gpus=False))
    assert lines[1] == "2 nodes, 2 GPUs"
    assert "0.60 kW" in lines[3]


def test_a_node_is_silent_when_one_of_its_agents_is(tmp_path: Path) -> None:
    lines = _frame(_with_helpers(tmp_path, has_other_gpus=True, seconds=20))
    assert lines[1] == "2 nodes, 4 GPUs, 2 silent"


def test_the_history_of_a_node_is_that_of_its_agents_together(tmp_path: Path) -> None:
    live = LiveJob(_with_helpers(tmp_path, has_other_gpus=True, seconds=20))
    live.refresh()
    history = list(live.nodes[0].history["gpu_power"])
    assert len(history) == LIVE.seconds + 1
    assert history[1:20] == [400.0] * 19  # at first the node's own has been heard alone
    assert history[-20:] == [300.0] * 20  # nobody hears the other any more


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (40, 10), (20, 3)])
def test_a_frame_fills_any_window_and_no_more(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    shape = replace(LIVE, nodes=60, node_name="\x1b[2J\u202e{}" + "x" * 50)
    lines = _frame(write_record(tmp_path, shape), width=width, height=height)
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)
    assert not set("".join(lines)) & set("\x1b\u202e")


def test_a_thousand_nodes_are_one_screen_with_the_worst(tmp_path: Path) -> None:
    load: Load = lambda node, gpu, time_s: (300.0, 0.1 if node == 777 else 0.9, 1.0)  # noqa: E731
    shape = replace(LIVE, nodes=1000, gpus=1, seconds=3, load=load, node_name="n{:04d}")
    lines = _frame(write_record(tmp_path, shape), now_ms=STARTED_MS + 4000)
    assert "1,000 nodes" in lines[1]
    rows = [line for line in lines if line.startswith("n0")]
    assert rows[0].startswith("n0777")
    assert "more; worst first" in lines[-1]


def test_only_what_was_appended_is_read_and_a_torn_row_waits(tmp_path: Path) -> None:
    directory = write_record(tmp_path, LIVE)
    live = LiveJob(directory)
    live.refresh()
    (node,) = [node for node in live.nodes if node.name == "node0000"]
    seen = len(node.history["gpu_utilisation"])
    (path,) = directory.path.glob("record/steps/0/nodes/node0000-*.samples.csv")
    with path.open("a") as stream:
        stream.write("61000,200,1,")
        stream.flush()
        live.refresh()
        assert len(node.history["gpu_utilisation"]) == seen
        stream.write("1,50,1,1,1,50,1,1\ngarbage\n")
    live.refresh()
    assert len(node.history["gpu_utilisation"]) == seen + 1
    assert node.last["gpu_utilisation"] == 0.5


def test_a_job_whose_process_is_dead_is_not_said_to_run(tmp_path: Path) -> None:
    directory = write_record(tmp_path, LIVE)
    assert "running" in _frame(directory)[0]
    (step,) = directory.steps()
    dead = subprocess.Popen(["true"])
    dead.wait()
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    command = json.loads(step.command.read_text())
    ours = {"pid": dead.pid, "boot_id": boot_id, "start_ticks": "1"}
    step.command.write_text(json.dumps({**command, **ours}))
    assert "unknown" in _frame(directory)[0]


def test_an_empty_directory_waits_for_the_first_node(tmp_path: Path) -> None:
    directory = write_record(tmp_path, replace(LIVE, nodes=0))
    assert any("waiting for the first node" in line for line in _frame(directory))
    shutil.rmtree(directory.steps_dir)
    os.makedirs(directory.steps_dir)  # noqa: PTH103
    assert any("waiting for the first node" in line for line in _frame(directory))


def test_one_look_without_a_terminal_is_plain_text(tmp_path: Path) -> None:
    directory = write_record(tmp_path, LIVE)
    env = environment(COLUMNS="80", LINES="24", LC_ALL="C.UTF-8")
    done = run("yprov-inspect", "watch", str(directory.path), cwd=tmp_path, env=env)
    assert done.returncode == 0
    text = done.stdout.decode()
    assert "\x1b" not in text
    assert "4 nodes, 8 GPUs" in text
    assert "\n\n\n" not in text
    assert "q ends" not in text


def test_a_sparkline_shows_the_newest_values_from_nothing_to_the_top() -> None:
    assert sparkline([0, 0.5, 1], 3, 1.0) == "\u2581\u2585\u2588"
    assert sparkline([0, 0.5, 1], 2, 1.0, ascii_only=True) == "=#"
    assert sparkline([1], 4, 0.0) == "   \u2588"
    assert sparkline([], 0, 1.0) == ""
