"""What a step read and wrote: which files, which of them it changed, and their checksums."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yprov_run.capture import before, commandline, items, walk
from yprov_run.capture.before import Before
from yprov_run.capture.files import Captured, Survey, Wanted
from yprov_run.capture.hashing import Budget
from yprov_run.capture.manifest import MAX_MEMBERS
from yprov_run.capture.outputname import resolve, stream_files
from yprov_run.kinds.files import FileRef
from yprov_run.safefile import pseudo_devices, read_regular

_NEVER = 1 << 62


def _survey(
    folder: Path,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    argv: Sequence[str] = (),
    was: Before | None = None,
    budget: Budget | None = None,
    look_around: bool = False,
) -> Captured:
    """Look at a folder in which, without `was`, nothing has changed since long."""
    wanted = Wanted(
        str(folder), inputs, outputs, argv=argv, own_streams=False, look_around=look_around
    )
    places = folder.parent / f"{folder.name}-manifests"
    return Survey(wanted, was or Before(_NEVER), budget or Budget(60, 1 << 40), places).run()


def _look(folder: Path, *paths: str, started_ns: int = _NEVER) -> Before:
    """Remember what is below a folder as it is now."""
    seen = Before(started_ns)
    limits = walk.Limits(10_000, float("inf"))
    before.look(seen, [str(folder / path) for path in paths], [str(folder)], walk.Ignore(), limits)
    return seen


def _by_path(files: Sequence[FileRef]) -> dict[str, FileRef]:
    return {file.path: file for file in files}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    path.mkdir()
    return path


def test_a_named_file_has_size_time_and_checksum(folder: Path) -> None:
    (folder / "in.csv").write_text("1,2\n")
    (file,) = _survey(folder, inputs=["in.csv"]).files
    assert (file.role, file.generated, file.origin) == ("input", False, "--input")
    assert (file.size_bytes, file.sha256) == (4, hashlib.sha256(b"1,2\n").hexdigest())


def test_a_named_file_that_is_not_there_is_a_gap(folder: Path) -> None:
    captured = _survey(folder, inputs=["absent*"], outputs=["none.h5"])
    assert captured.files == ()
    assert [problem.split(":")[0] for problem in captured.problems] == [
        "--input absent*", "--output none.h5",
    ]  # fmt: skip


def test_pipes_sockets_devices_loops_and_endless_files_are_named_and_not_read(
    folder: Path,
) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "gone").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        names = ["pipe", "loop", "gone", "socket", "/dev/zero", "/proc/kmsg", "/proc/self/mem"]
        files = _by_path(_survey(folder, inputs=names).files)
    assert sorted(files) == sorted(names)
    assert all(file.sha256 is None and file.note for file in files.values())
    assert "pipe" in files["pipe"].note
    assert "made by the system" in files["/proc/kmsg"].note


def test_names_that_are_no_text_or_very_long_are_names_like_others(folder: Path) -> None:
    odd = os.fsdecode(b"not \xff utf-8\n.dat")
    (folder / odd).write_text("x")
    deep = folder
    while len(str(deep)) < 3_400:
        deep = deep / ("d" * 200)
        deep.mkdir()
    (deep / ("f" * 100)).write_text("deep")
    too_long = "n" * 5_000
    captured = _survey(folder, inputs=[odd, ".", too_long], argv=["prog", too_long, "x" * 300])
    assert _by_path(captured.files)[odd].sha256
    (collection,) = captured.collections
    assert collection.count == 2
    assert any(too_long[:50] in problem for problem in captured.problems)


def test_a_path_too_long_for_the_system_is_passed_over(folder: Path) -> None:
    deep = os.open(folder, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=deep)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=deep))
    os.close(deep)
    (folder / "near").write_text("x")
    try:
        (collection,) = _survey(folder, inputs=["."]).collections
        assert collection.count == 1
        assert "unreadable" in collection.note
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_an_unreadable_file_says_so(folder: Path) -> None:
    (folder / "locked").write_text("x")
    (folder / "locked").chmod(0)
    (file,) = _survey(folder, inputs=["locked"]).files
    # Root reads everything.
    assert file.sha256 if os.getuid() == 0 else "unreadable" in file.note


def test_links_to_folders_are_not_followed_and_links_to_files_stand_for_them(
    folder: Path,
) -> None:
    data = folder / "data"
    data.mkdir()
    (data / "up").symlink_to(folder)
    (folder / "far").write_text("far")
    (data / "near").symlink_to(folder / "far")
    (collection,) = _survey(folder, inputs=["data"]).collections
    (member,) = collection.members
    assert (member.path, member.sha256) == ("data/near", hashlib.sha256(b"far").hexdigest())
    assert "1 links to folders not followed" in collection.note


def test_a_collections_checksum_is_that_of_sha256sum(folder: Path) -> None:
    data = folder / "data"
    for name in ("b.txt", "a/z", "a.b", "odd\nname", "back\\slash", os.fsdecode(b"\xfe")):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(name if name.isascii() else "other")
    (collection,) = _survey(folder, inputs=["data"]).collections
    by_hand = subprocess.run(
        ["sh", "-c", r"find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum"],
        cwd=data, check=True, capture_output=True,
    ).stdout  # fmt: skip
    assert collection.sha256 == hashlib.sha256(by_hand).hexdigest()
    assert (collection.count, collection.unhashed_count, len(collection.members)) == (6, 0, 6)


def test_many_files_are_one_collection_with_a_table_beside_it(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    for number in range(MAX_MEMBERS + 1):
        (data / f"{number:04}.bin").write_bytes(number.to_bytes(2, "big"))
    captured = _survey(folder, inputs=["data"])
    (collection,) = captured.collections
    assert (collection.count, collection.size_bytes) == (MAX_MEMBERS + 1, 2 * (MAX_MEMBERS + 1))
    assert (captured.files, collection.members) == ((), ())
    table = folder.parent / f"{folder.name}-manifests" / collection.manifest
    with gzip.open(table, "rt", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == [f"{n:04}.bin" for n in range(MAX_MEMBERS + 1)]
    assert rows[1]["sha256"] == hashlib.sha256(b"\0\1").hexdigest()


def test_a_table_of_many_files_holds_no_credentials_that_stand_in_their_names(
    folder: Path,
) -> None:
    secret = "b1946ac92492d2347c6235b4d2611184"
    for number in range(MAX_MEMBERS + 1):
        (folder / f"{number:03}.tar?X-Amz-Signature={secret}").write_text("x")
    (collection,) = _survey(folder, inputs=["."]).collections
    table = folder.parent / f"{folder.name}-manifests" / collection.manifest
    with gzip.open(table, "rt", newline="") as stream:
        paths = [row["path"] for row in csv.DictReader(stream)]
    assert [path[:8] for path in paths] == [f"{n:03}.tar?" for n in range(MAX_MEMBERS + 1)]
    assert not [path for path in paths if secret in path]
    by_hand = subprocess.run(
        "LC_ALL=C sha256sum * | sha256sum", shell=True, cwd=folder, check=True, capture_output=True
    )
    assert collection.sha256 == by_hand.stdout.decode().split()[0]


def test_a_glob_of_many_files_is_one_collection(folder: Path) -> None:
    for number in range(MAX_MEMBERS + 5):
        (folder / f"{number}.h5").write_text("x")
    captured = _survey(folder, inputs=["*.h5"])
    (collection,) = captured.collections
    assert (collection.path, collection.count, captured.files) == ("*.h5", MAX_MEMBERS + 5, ())


def test_a_folder_of_more_names_than_are_held_in_memory_is_in_order(folder: Path) -> None:
    names = [f"{number:x}" for number in range(walk._NAMES_IN_MEMORY + 10)]
    for name in names:
        os.close(os.open(folder / name, os.O_CREAT))
    found = walk.walk(
        str(folder), walk.Ignore(), walk.Limits(1 << 30, float("inf")), walk.WalkReport()
    )
    assert [file.path for file in found] == sorted(names)


def test_when_the_budget_is_spent_size_time_and_inode_stand_for_the_content(folder: Path) -> None:
    (folder / "a").write_bytes(b"x" * 600)
    (folder / "b").write_bytes(b"x" * 600)
    files = _by_path(_survey(folder, inputs=["a", "b"], budget=Budget(60, 1_000)).files)
    (without,) = (file for file in files.values() if file.sha256 is None)
    assert "budget" in without.note
    assert (without.size_bytes, without.inode) == (600, (folder / without.path).stat().st_ino)
    late = _survey(folder, inputs=["."], budget=Budget(-1, 1 << 40))
    assert late.collections[0].unhashed_count == 2


def test_when_a_person_goes_on_without_checksums_the_files_are_listed(folder: Path) -> None:
    (folder / "a").write_text("x")
    budget = Budget(60, 1 << 40)
    budget.stop()
    (file,) = _survey(folder, inputs=["a"], budget=budget).files
    assert (file.sha256, file.size_bytes) == (None, 1)
    assert "interrupted" in file.note


def test_a_file_that_grows_while_it_is_read_is_marked(folder: Path) -> None:
    path = folder / "growing"
    path.write_bytes(b"x" * 10)

    class Growing(Budget):
        def take(self, size_bytes: int) -> str:
            with path.open("ab") as stream:
                stream.write(b"more")
            return super().take(size_bytes)

        def count(self, size_bytes: int, files: int = 0) -> None:
            with path.open("ab") as stream:
                stream.write(b"more")
            super().count(size_bytes, files)

    (file,) = _survey(folder, inputs=["growing"], budget=Growing(60, 1 << 40)).files
    assert file.sha256 is None
    assert "changed while it was read" in file.note


def test_a_file_that_vanishes_is_named(folder: Path) -> None:
    path = folder / "fleeting"
    path.write_text("x")

    class Removing(Budget):
        def take(self, size_bytes: int) -> str:
            path.unlink(missing_ok=True)
            return super().take(size_bytes)

    (file,) = _survey(folder, inputs=["fleeting"], budget=Removing(60, 1 << 40)).files
    assert (file.size_bytes, file.sha256) == (1, None)
    assert "unreadable" in file.note


def test_what_the_job_made_or_changed_is_told_from_what_was_there(folder: Path) -> None:
    for name in ("data.csv", "model.pt", "notes.txt"):
        (folder / name).write_text("old")
    was = _look(folder)
    old_inode = (folder / "model.pt").stat().st_ino
    (folder / "model.pt").write_text("newer")
    (folder / "out").mkdir()
    (folder / "out/new.log").write_text("made")
    os.utime(folder / "out/new.log", (1, 1))
    files = _by_path(_survey(folder, was=was, look_around=True).files)
    assert sorted(files) == ["model.pt", "out/new.log"]
    assert all(file.generated for file in files.values())
    assert (files["model.pt"].role, files["out/new.log"].role) == ("checkpoint", "log")
    changed = files["model.pt"].before
    assert changed is not None
    assert (changed.size_bytes, changed.inode) == (3, old_inode)
    assert files["out/new.log"].before is None


def test_without_knowing_what_was_there_the_time_of_a_file_tells(folder: Path) -> None:
    (folder / "old").write_text("x")
    (folder / "moved").write_text("x")
    os.utime(folder / "moved", (1, 1))
    changed_ns = max(path.stat().st_ctime_ns for path in folder.iterdir())
    assert len(_survey(folder, was=Before(changed_ns + 1), look_around=True).files) == 0
    files = _by_path(_survey(folder, was=Before(changed_ns), look_around=True).files)
    assert "moved" in files, "an old time was given to it, but just now"


def test_the_file_systems_own_clock_tells_when_the_launch_was(folder: Path) -> None:
    (folder / "in").write_text("x")
    status = (folder / "in").stat()
    was = Before(0, started_ns={status.st_dev: status.st_mtime_ns + 10**9})
    assert _survey(folder, was=was, look_around=True).files == ()


def test_a_file_seen_as_the_job_had_already_changed_it_has_no_version_before(folder: Path) -> None:
    (folder / "log").write_text("first words")
    was = _look(folder, started_ns=0)
    (file,) = _survey(folder, was=was, look_around=True).files
    assert (file.generated, file.before) == (True, None)


def test_a_data_folder_behind_a_link_that_was_looked_at_in_part_is_not_made_by_the_job(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "scratch").mkdir()
    for number in range(20):
        (tmp_path / f"scratch/{number:02}.bin").write_text("x")
    (folder / "data").symlink_to(tmp_path / "scratch")
    was = Before(_NEVER)
    before.look(was, [], [str(folder / "data")], walk.Ignore(), walk.Limits(15, float("inf")))
    whole = walk.Limits(999, float("inf"))
    before.look(was, [], [str(folder)], walk.Ignore(), whole)
    (collection,) = _survey(
        folder, argv=["python3", "train.py", "--data", "data"], was=was
    ).collections
    assert (collection.generated, collection.count) == (False, 20)


@pytest.mark.parametrize("name", ["linked/in.csv", ".cache/in.csv", "env/in.csv", "data/a~"])
def test_only_its_time_tells_of_a_file_that_no_look_would_have_met(
    folder: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "scratch").mkdir()
    (folder / "linked").symlink_to(tmp_path / "scratch")
    for place in (".cache", "env", "data"):
        (folder / place).mkdir()
    (folder / "env/pyvenv.cfg").write_text("")
    (folder / name).write_text("x")
    was = _look(folder)
    (file,) = _survey(folder, inputs=[name], was=was).files
    assert file.note == ""
    was.default_started_ns = 0
    old, new = _survey(folder, inputs=[name], was=was).files
    assert (old.generated, new.generated) == (False, True)
    assert "the job had changed it before it was looked at" in old.note


def test_a_folder_that_was_seen_in_part_says_nothing_of_what_was_not_in_it(folder: Path) -> None:
    (folder / "data").mkdir()
    for number in range(9):
        (folder / f"data/{number}").write_text("x")
    was = Before(_NEVER)
    before.look(was, [], [str(folder / "data")], walk.Ignore(), walk.Limits(5, float("inf")))
    was.folders.add(str(folder))
    (collection,) = _survey(folder, argv=["sim", "data"], was=was).collections
    assert (collection.generated, collection.count) == (False, 9)


def test_what_the_job_made_far_down_in_a_folder_that_was_seen_is_its_own(folder: Path) -> None:
    was = _look(folder)
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/moved").write_text("x")
    os.utime(folder / "a/b/moved", (1, 1))
    (file,) = _survey(folder, was=was, look_around=True).files
    assert (file.path, file.generated) == ("a/b/moved", True)


def test_what_was_there_survives_being_written_and_read(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "with space\nand line", os.fsdecode(b"\xff")):
        (folder / name).write_text(name if name.isascii() else "x")
    seen = _look(folder)
    before.look(seen, [], [str(tmp_path)], walk.Ignore(), walk.Limits(1, float("inf")))
    before.save(seen, tmp_path / "before.gz")
    assert (seen.folders, seen.cut) == ({str(folder)}, {str(tmp_path)})
    assert before.load(tmp_path / "before.gz", _NEVER) == seen


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"other\0", mtime=0), None])
def test_a_damaged_list_of_what_was_there_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "before.gz").write_bytes(content)
    assert before.load(tmp_path / "before.gz", 5) == Before(5)


def test_version_control_caches_and_installed_software_are_passed_over(folder: Path) -> None:
    for name in (".git/config", "__pycache__/a.pyc", "env/pyvenv.cfg", "env/lib/x",
                 "yprov/j_1/record/job.json", "conda/conda-meta/x", "mine/kept",
                 "tmp1/x"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    was = Before(0)
    assert [f.path for f in _survey(folder, was=was, look_around=True).files] == [
        "mine/kept", "tmp1/x",
    ]  # fmt: skip
    ignore = walk.Ignore((*walk.IGNORED, "tmp*", "mine/k*"))
    found = walk.walk(str(folder), ignore, walk.Limits(999, float("inf")), walk.WalkReport())
    assert list(found) == []


def test_a_walk_stops_at_its_limits_and_says_so(folder: Path) -> None:
    for number in range(200):
        (folder / str(number)).write_text("")
    for limits in (walk.Limits(50, float("inf")), walk.Limits(1 << 20, 0, lambda: 1.0)):
        report = walk.WalkReport()
        assert len(list(walk.walk(str(folder), walk.Ignore(), limits, report))) < 200
        assert "not all" in report.words()


def test_existing_paths_among_the_arguments_are_inputs_with_their_roles(folder: Path) -> None:
    for name in ("train.py", "conf/base.yaml", "start.ckpt", "data/x.csv", "more.args", "100"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    argv = ["python", "train.py", "--config", "conf/base.yaml", "--resume=start.ckpt", "data=data",
            "@more.args", "--lr", "0.1", "absent.csv", "/", ".."]  # fmt: skip
    captured = _survey(folder, argv=argv)
    assert {path: file.role for path, file in _by_path(captured.files).items()} == {
        "train.py": "program", "conf/base.yaml": "configuration", "start.ckpt": "checkpoint",
        "more.args": "configuration",
    }  # fmt: skip
    (collection,) = captured.collections
    assert (collection.path, collection.role, collection.generated) == ("data", "input", False)


def test_an_argument_that_the_job_wrote_is_an_output(folder: Path) -> None:
    (folder / "in.nc").write_text("x")
    was = _look(folder)
    (folder / "result.nc").write_text("x")
    files = _by_path(_survey(folder, argv=["model", "in.nc", "result.nc"], was=was).files)
    assert {path: file.generated for path, file in files.items()} == {
        "in.nc": False, "result.nc": True,
    }  # fmt: skip


def test_a_folder_among_the_arguments_is_read_and_written(folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run/in").write_text("x")
    was = _look(folder)
    (folder / "run/out").write_text("x")
    collections = _survey(folder, argv=["sim", "run"], was=was, look_around=True).collections
    assert {(c.generated, c.members[0].path) for c in collections} == {
        (False, "run/in"), (True, "run/out"),
    }  # fmt: skip


def test_only_what_changed_in_an_output_folder_is_an_output(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out/earlier").write_text("x")
    was = _look(folder)
    (folder / "out/now").write_text("x")
    (collection,) = _survey(folder, outputs=["out"], was=was).collections
    assert [member.path for member in collection.members] == ["out/now"]


@pytest.mark.parametrize("outputs", [(), ("state.nc",), (".",)], ids=str)
def test_an_input_that_the_job_changed_is_an_output_made_of_what_was_read(
    folder: Path, outputs: Sequence[str]
) -> None:
    (folder / "state.nc").write_text("old")
    was = _look(folder, "state.nc")
    (folder / "state.nc").write_text("newer")
    captured = _survey(folder, inputs=["state.nc"], outputs=outputs, was=was)
    old, new = captured.files
    assert (old.role, old.generated, old.size_bytes, old.sha256) == ("input", False, 3, None)
    assert "as it was before the job changed it" in old.note
    assert (new.role, new.generated, new.size_bytes) == ("output", True, 5)
    assert (new.sha256, new.before is not None) == (hashlib.sha256(b"newer").hexdigest(), True)
    assert captured.problems == ()


def test_in_an_input_folder_what_the_job_made_or_changed_is_written_and_what_was_there_read(
    folder: Path,
) -> None:
    (folder / "data").mkdir()
    for name in ("a.csv", "b.csv", "c.csv"):
        (folder / "data" / name).write_text("old")
    was = _look(folder)
    (folder / "data/a.csv").write_text("newer")
    (folder / "data/c.csv").unlink()
    (folder / "data/labels.cache").write_text("made")
    captured = _survey(folder, inputs=["data"], outputs=["data"], was=was, look_around=True)
    used, made = captured.collections
    assert (used.generated, used.count, used.unhashed_count) == (False, 3, 2)
    assert {file.path: (file.size_bytes, file.note) for file in used.members} == {
        "data/a.csv": (3, items.AS_IT_WAS),
        "data/b.csv": (3, ""),
        "data/c.csv": (3, items.GONE),
    }
    assert made.generated
    assert {file.path: file.before is not None for file in made.members} == {
        "data/a.csv": True,
        "data/labels.cache": False,
    }
    assert captured.files == ()


def test_of_a_glob_of_many_files_those_that_the_job_changed_are_written(folder: Path) -> None:
    for number in range(MAX_MEMBERS + 5):
        (folder / f"{number:03}.h5").write_text("old")
    was = _look(folder)
    (folder / "004.h5").write_text("newer")
    (folder / "007.h5").unlink()
    used, made = _survey(
        folder, inputs=["*.h5"], outputs=["*.h5"], was=was, look_around=True
    ).collections
    assert (used.generated, used.count, used.unhashed_count) == (False, MAX_MEMBERS + 5, 2)
    assert (made.generated, [file.path for file in made.members]) == (True, ["004.h5"])


def test_a_glob_of_many_folders_is_all_that_is_below_them(folder: Path) -> None:
    def fill(text: str) -> str:
        for number in range(MAX_MEMBERS + 1):
            (folder / f"train/n{number}").mkdir(parents=True, exist_ok=True)
            (folder / f"train/n{number}/1.jpg").write_text(text)
        (folder / "train/n1.txt").write_text("beside")
        places = _survey(folder, inputs=["train/*"]).collections
        (collection,) = places
        assert (collection.count, collection.unhashed_count) == (MAX_MEMBERS + 2, 0)
        return collection.sha256

    first = fill("x")
    by_hand = subprocess.run(
        "find train -type f | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True, cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    assert first == by_hand.stdout.decode().split()[0]
    subprocess.run(["rm", "-r", f"{folder}-manifests"], check=True)
    assert fill("y") != first, "the checksum is over what is in the files"


def test_a_file_put_here_with_an_old_time_before_the_look_is_written(folder: Path) -> None:
    (folder / "there").write_text("x")
    (folder / "unpacked").write_text("x")
    os.utime(folder / "unpacked", (1, 1))
    os.utime(folder / "there", (1, 1))
    was = _look(folder, started_ns=(folder / "unpacked").stat().st_ctime_ns)
    was.files[str(folder / "there")] = was.files[str(folder / "there")]._replace(changed_ns=1)
    (folder / "there").chmod(0o600)
    captured = _survey(folder, outputs=["unpacked"], argv=["cp", "there"], was=was)
    files = _by_path(captured.files)
    assert (files["there"].generated, files["there"].note) == (False, "")
    assert (files["unpacked"].generated, files["unpacked"].note) == (True, before.OF_OLD_TIME)


def test_a_further_link_to_what_was_there_is_no_change_of_it(folder: Path) -> None:
    (folder / "big.nc").write_text("x")
    os.utime(folder / "big.nc", (1, 1))
    (folder / "in.nc").hardlink_to(folder / "big.nc")
    was = _look(folder, started_ns=(folder / "big.nc").stat().st_ctime_ns)
    assert _survey(folder, was=was, look_around=True).files == ()


@pytest.mark.parametrize("name", ["in.csv", "i*.csv", "data"])
def test_an_input_that_the_job_removed_is_told_with_what_it_was(folder: Path, name: str) -> None:
    (folder / "data").mkdir()
    (folder / "in.csv").write_text("1,2\n")
    (folder / "data/a").write_text("1,2\n")
    was = _look(folder)
    inode = (folder / "in.csv").stat().st_ino
    (folder / "done").mkdir()
    (folder / "in.csv").rename(folder / "done/in.csv")
    (folder / "data").rename(folder / "done/data")
    captured = _survey(folder, inputs=[name], was=was)
    members = [file for each in captured.collections for file in each.members]
    (file,) = (*captured.files, *members)
    assert (file.role, file.generated, file.size_bytes, file.sha256) == ("input", False, 4, None)
    assert (file.note, file.inode == inode) == (items.GONE, name != "data")
    assert captured.problems == ()


def test_an_argument_that_the_job_removed_is_an_input(folder: Path) -> None:
    (folder / "in.csv").write_text("1,2\n")
    was = _look(folder)
    (folder / "in.csv").unlink()
    (folder / "in.csv.gz").write_text("x")
    files = _by_path(_survey(folder, argv=["gzip", "in.csv"], was=was, look_around=True).files)
    assert (files["in.csv"].generated, files["in.csv"].note) == (False, items.GONE)
    assert files["in.csv.gz"].generated


@pytest.mark.parametrize(
    "words",
    [
        ["--config-path", "settings", "--config-name", "big"],
        ["--config-path=../app/settings", "--config-name=big.yaml"],
        ["-cd", "app/settings", "-cn", "big"],
    ],
    ids=" ".join,
)
def test_hydras_options_name_a_configuration_file(folder: Path, words: list[str]) -> None:
    (folder / "app/settings").mkdir(parents=True)
    (folder / "app/main.py").write_text("")
    (folder / "app/settings/big.yaml").write_text("lr: 1")
    named = commandline.paths_in(["python", "app/main.py", *words], str(folder))
    (found,) = (item for item in named if item.path.endswith("big.yaml"))
    assert found.role == "configuration"
    assert (folder / found.path).samefile(folder / "app/settings/big.yaml")


@pytest.mark.parametrize(
    "words",
    [
        ["srun", "-D", "case", "./solve", "in.csv", ""],
        ["srun", "--chdir=case", "solve", "--data=in.csv"],
        ["mpirun", "-n", "2", "-wdir", "case", "solve", "in.csv", ":", "-wdir", "case", "solve"],
        ["env", "-C", "case", "solve", "in.csv"],
    ],
    ids=" ".join,
)
def test_words_are_looked_for_in_the_folder_that_the_launcher_makes_the_working_directory(
    folder: Path, words: list[str]
) -> None:
    (folder / "case").mkdir()
    for path in ("case/in.csv", "case/solve", "in.csv"):
        (folder / path).write_text("1")
    named = commandline.paths_in(words, str(folder))
    assert "case/in.csv" in [os.path.normpath(item.path) for item in named]
    assert "in.csv" not in [os.path.normpath(item.path) for item in named]
    assert all(item.path for item in named)
    there = commandline.paths_in(["solve", "-D", "3", "in.csv"], str(folder))
    assert [item.path for item in there] == ["in.csv"]


def test_two_stars_stand_for_any_folders(folder: Path) -> None:
    for name in ("a.h5", "x/b.h5", "x/y/c.h5", "x/y/d.csv", "x/.git/e.h5"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "x/round").symlink_to(folder)

    def matching(pattern: str) -> list[str]:
        return walk.matching(pattern, str(folder), walk.Limits(999, float("inf")))

    assert matching("**/*.h5") == ["a.h5", "x/b.h5", "x/y/c.h5"]
    assert matching("x/**/c.h5") == ["x/y/c.h5"]
    assert matching("x/**") == ["x/b.h5", "x/y/c.h5", "x/y/d.csv"]
    assert matching("*/b.h5") == ["x/b.h5"]


_JOB = {"SLURM_JOB_ID": "17", "SLURM_ARRAY_JOB_ID": "15", "SLURM_ARRAY_TASK_ID": "2",
        "SLURM_JOB_NAME": "train [a]", "SLURMD_NODENAME": "n1", "USER": "me"}  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "is_step", "glob"),
    [
        ("slurm-%j.out", False, "slurm-17.out"),
        ("%A_%a.txt", False, "15_2.txt"),
        ("%4a-%08j", False, "0002-00000017"),
        ("%x.%u.%N", False, "train [[]a].me.n1"),
        ("%t-%n-%s", False, "0-0-batch"),
        ("out.%t", True, "out.*"),
        ("%J.%N", True, "*.*"),
        ("100%%", False, "100%"),
        (r"a\%j", False, "a%j"),
        ("what[%b]", False, "what[[]*]"),
        ("%", False, "%"),
    ],
)
def test_slurms_output_names_are_filled_in(pattern: str, is_step: bool, glob: str) -> None:
    assert resolve(pattern, _JOB, is_step) == glob


@pytest.mark.parametrize(
    ("words", "globs"),
    [
        (["srun", "-n4", "-o", "out-%t.txt", "-eerr.%j"], ["out-*.txt", "err.17"]),
        (["env", "A=1", "/usr/bin/srun", "--output=o", "--error", "e"], ["o", "e"]),
        (["srun", "--output=none", "--overlap"], []),
        (["mpirun", "-o", "x"], []),
        ([], []),
    ],
)
def test_files_of_a_steps_streams_are_those_of_sruns_options(
    words: list[str], globs: list[str]
) -> None:
    assert stream_files(words, _JOB) == globs


@given(st.text(max_size=30), st.booleans())
def test_any_text_is_an_output_name(pattern: str, is_step: bool) -> None:
    resolve(pattern, _JOB, is_step)


def test_outside_an_array_a_task_number_is_slurms_own_for_none() -> None:
    assert resolve("%a", {"SLURM_JOB_ID": "1"}) == "4294967294"


def test_a_large_file_is_refused_and_a_small_one_read_whole(folder: Path) -> None:
    (folder / "f").write_bytes(b"x" * 100)
    assert read_regular(folder / "f", 100) == b"x" * 100
    with pytest.raises(OSError, match="larger"):
        read_regular(folder / "f", 99)
    os.mkfifo(folder / "p")
    with pytest.raises(OSError, match="regular"):
        read_regular(folder / "p", 1)


def test_folders_that_the_system_makes_up_are_not_walked(folder: Path) -> None:
    captured = _survey(folder, inputs=["/proc/self", "/sys"])
    assert captured.collections == ()
    assert all("made by the system" in problem for problem in captured.problems)
    assert len(captured.problems) == 2
    assert walk.Ignore().folder(b"/proc")
    assert not walk.Ignore().folder(os.fsencode(folder))


def test_proc_and_sys_are_known_to_hold_no_files() -> None:
    assert Path("/proc").stat().st_dev in pseudo_devices()
    assert Path(__file__).stat().st_dev not in pseudo_devices()
