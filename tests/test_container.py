"""The container that a command runs in, from its words, variables and the image's files."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import need
from tests.support import documents
from tests.support.commands import BIN, environment, only_job, run
from yprov_run.agent.inside import InsideFinder
from yprov_run.capture import container, inside
from yprov_run.capture.image import sif_definition

_DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("command", "engine", "reference"),
    [
        ("apptainer exec --nv -B /a:/b image.sif python x.py", "apptainer", "image.sif"),
        ("apptainer --debug exec --nv docker://o/i:1 true", "apptainer", "docker://o/i:1"),
        ("singularity run --bind=/x image.sif run", "singularity", "image.sif"),
        ("srun -n 4 singularity exec ./i.sif app", "singularity", "./i.sif"),
        ("podman run --rm -it -v /a:/b quay.io/o/i:2 cmd run", "podman", "quay.io/o/i:2"),
        ("podman --root /r run --gpus all i cmd", "podman", "i"),
        (f"docker run -d --name x --env A=1 o/i@{_DIGEST} cmd", "docker", f"o/i@{_DIGEST}"),
        ("/usr/bin/docker run i", "docker", "i"),
        ("srun --container-image=nvcr.io#nvidia/p:1 x", "pyxis", "nvcr.io#nvidia/p:1"),
        ("srun --container-image image.sqsh x", "pyxis", "image.sqsh"),
        ("srun --container /bundle x", "slurm-oci", "/bundle"),
        ("enroot start --rw -m /a:/b my+image sh", "enroot", "my+image"),
        ("apptainer exec --docker-username me --docker-password PW o.sif", "apptainer", "o.sif"),
        ("apptainer exec -p o.sif x", "apptainer", "o.sif"),
    ],
)
def test_a_command_line_names_its_image(command: str, engine: str, reference: str) -> None:
    (found,) = container.capture(shlex.split(command), {}, "/")
    assert (found.engine, found.reference) == (engine, reference)
    assert found.digest == (_DIGEST if "@" in reference else "")


@pytest.mark.parametrize(
    "command",
    ["python run image.sif", "docker ps", "apptainer build a.sif b.def", "podman run", ""],
)
def test_a_command_line_without_an_image_names_none(command: str) -> None:
    assert container.capture(shlex.split(command), {}, "/") == []


def test_a_password_is_no_image_whatever_option_it_stands_behind() -> None:
    words = shlex.split("apptainer exec --registry-password Zq7x docker://o/i:1 true")
    assert "Zq7x" not in repr(container.capture(words, {}, "/"))


def test_inside_a_container_its_variables_name_it() -> None:
    environ = {"APPTAINER_CONTAINER": "/i.sif", "SINGULARITY_CONTAINER": "/i.sif"}
    (found,) = container.capture(["python"], environ, "/")
    assert (found.engine, found.reference, found.source) == (
        "apptainer", "/i.sif", "APPTAINER_CONTAINER",
    )  # fmt: skip


def _sif(path: Path, definition: bytes) -> None:
    """Write an image as its format says: a header, a table of 585-byte entries, the data."""
    data_at = 4096 + 2 * 585
    header = struct.pack(
        "<32s10s3s3s16s8q", b"#!/usr/bin/env run-singularity\n", b"SIF_MAGIC\0", b"01\0", b"02\0",
        b"u" * 16, 1, 2, 0, 2, 4096, 2 * 585, data_at, len(definition),
    )  # fmt: skip
    other = struct.pack("<i?IIIqqq", 0x4004, True, 1, 1, 0, data_at, 0, 0).ljust(585, b"\0")
    recipe = struct.pack("<i?IIIqqq", 0x4001, True, 2, 1, 0, data_at, len(definition), 0)
    path.write_bytes(header.ljust(4096, b"\0") + other + recipe.ljust(585, b"\0") + definition)


def test_a_sif_image_tells_the_definition_it_was_made_from(tmp_path: Path) -> None:
    _sif(tmp_path / "image.sif", b"Bootstrap: docker\nFrom: debian\n")
    (found,) = container.capture(["apptainer", "exec", "image.sif", "x"], {}, str(tmp_path))
    assert found.path == str(tmp_path / "image.sif")
    assert found.definition == "Bootstrap: docker\nFrom: debian\n"


def test_a_folder_as_an_image_tells_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "box/.singularity.d").mkdir(parents=True)
    (tmp_path / "box/.singularity.d/Singularity").write_text("Bootstrap: x\n")
    (found,) = container.capture(["apptainer", "shell", "box"], {}, str(tmp_path))
    assert (found.path, found.definition) == (str(tmp_path / "box"), "Bootstrap: x\n")


def test_podmans_own_store_tells_the_digest(tmp_path: Path) -> None:
    store = tmp_path / "containers/storage/overlay-images"
    store.mkdir(parents=True)
    images = [{"names": ["docker.io/library/i:latest"], "digest": _DIGEST}, {"names": None}, 3]
    (store / "images.json").write_text(json.dumps(images))
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    (found,) = container.capture(["podman", "run", "i"], environ, "/")
    assert found.digest == _DIGEST
    (store / "images.json").write_text("{")
    (found,) = container.capture(["podman", "run", "i"], environ, "/")
    assert found.digest == ""


def test_an_image_that_is_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "image.sif")
    (found,) = container.capture(["apptainer", "run", "image.sif"], {}, str(tmp_path))
    assert (found.path, found.definition) == ("", "")


@given(st.lists(st.sampled_from(
    ["apptainer", "docker", "run", "exec", "-B", "--bind=x", "srun", "--container-image", "enroot",
     "start", "-", "--", "x", ""]
), max_size=8))  # fmt: skip
def test_any_words_name_images_or_none(words: list[str]) -> None:
    for found in container.capture(words, {}, "/nowhere"):
        assert found.reference


@given(st.binary(max_size=300))
def test_any_bytes_are_an_image_or_none(content: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as stream:
        stream.write(b"\0" * 32 + b"SIF_MAGIC\0" + content)
        stream.flush()
        assert isinstance(sif_definition(stream.name), str)


def test_dockers_store_tells_the_digest_where_it_is_ours_to_read(tmp_path: Path) -> None:
    store = tmp_path / "docker/image/overlay2"
    store.mkdir(parents=True)
    image = "sha256:" + "1b" * 32
    names = {"o/i:latest": image, f"o/i@{_DIGEST}": image, "o/i:old": "sha256:" + "2c" * 32}
    (store / "repositories.json").write_text(json.dumps({"Repositories": {"o/i": names}}))
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    for reference, digest in (("o/i", _DIGEST), ("o/i:old", ""), ("other", "")):
        (found,) = container.capture(["docker", "run", "--rm", reference], environ, "/")
        assert found.digest == digest
    for damage in ("{", "[]", '{"Repositories": 1}', '{"Repositories": {"a": 2}}'):
        (store / "repositories.json").write_text(damage)
        assert container.capture(["docker", "run", "o/i"], environ, "/")[0].digest == ""


def test_what_a_batch_script_tells_pyxis_is_known_to_its_steps(tmp_path: Path) -> None:
    option = "SLURM_SPANK__SLURM_SPANK_OPTION_pyxis"
    (found,) = container.capture(["srun", "x"], {f"{option}_container_image": "o#i:1"}, "/")
    assert (found.engine, found.reference) == ("pyxis", "o#i:1")
    (tmp_path / "env.toml").write_text(f'[annotations]\nx = 1\n  image = "o/i@{_DIGEST}"\n')
    environ = {f"{option}_environment": str(tmp_path / "env.toml")}
    (found,) = container.capture(["srun", "x"], environ, "/")
    assert (found.reference, found.digest) == (f"o/i@{_DIGEST}", _DIGEST)
    assert found.source == str(tmp_path / "env.toml")


def test_a_container_of_enroots_is_the_folder_that_it_unpacked(tmp_path: Path) -> None:
    (tmp_path / "my+image").mkdir()
    environ = {"ENROOT_DATA_PATH": str(tmp_path)}
    (found,) = container.capture(["enroot", "start", "my+image", "sh"], environ, "/")
    assert found.path == str(tmp_path / "my+image")


def test_an_image_that_is_a_file_has_a_checksum_and_its_credentials_are_gone(
    tmp_path: Path,
) -> None:
    _sif(
        tmp_path / "image.sif",
        b"From: https://me:planted-secret@h/x\n%post\n  TOKEN=planted-secret",
    )
    tool = tmp_path / "tools/apptainer"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nexit 0\n")
    tool.chmod(0o755)
    env = environment(PATH=f"{tool.parent}:{os.environ['PATH']}:{BIN}")
    done = run("yprov-run", "-q", "apptainer", "exec", "image.sif", "x", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    job = only_job(tmp_path)
    document = documents.load(job / "prov.json")
    (image,) = documents.of_type(document, "entity", "run:ContainerImage").values()
    content = (tmp_path / "image.sif").read_bytes()
    assert image["schema:sha256"] == hashlib.sha256(content).hexdigest()
    (definition,) = job.glob("artifacts_GR0/container_*.def")
    assert "From: https://<redacted>@h/x" in definition.read_text()
    written = [path for path in job.rglob("*") if path.is_file()]
    assert not [path for path in written if b"planted-secret" in path.read_bytes()]


def _process(proc: Path, pid: int, variables: dict[str, str], files: dict[str, str]) -> None:
    """Make what /proc shows of a process in a container."""
    (proc / f"{pid}/ns").mkdir(parents=True)
    (proc / f"{pid}/ns/mnt").symlink_to(f"mnt:[{pid}]")
    text = "".join(f"{name}={value}\0" for name, value in variables.items())
    (proc / f"{pid}/environ").write_text(text)
    for name, content in files.items():
        (proc / f"{pid}/root/{name}").parent.mkdir(parents=True, exist_ok=True)
        (proc / f"{pid}/root/{name}").write_text(content)


def _looked_into(proc: Path, *pids: int) -> dict[int, dict[str, Any]]:
    """Return what an agent would tell, by process id, when it has looked into all of them."""
    finder = InsideFinder(str(proc))
    for pid in (*pids, *pids):  # each once
        finder.look(pid, "/usr/bin/python3")
    for thread in threading.enumerate():
        if thread.name == "inside":
            thread.join(60)
    found: list[dict[str, Any]] = finder.take()
    assert finder.take() == []
    assert len({event["pid"] for event in found}) == len(found)
    return {event["pid"]: event for event in found}


def test_a_process_in_a_container_shows_its_image_from_outside(tmp_path: Path) -> None:
    labels = {"org.label-schema.usage.singularity.deffile.from": "debian:12", "token": "planted"}
    release = {"etc/os-release": 'ID=debian\nPRETTY_NAME="Debian 12"\n'}
    _process(tmp_path, 1, {"APPTAINER_CONTAINER": "/i/a.sif", "HF_TOKEN": "planted"},
             {".singularity.d/labels.json": json.dumps(labels), **release})  # fmt: skip
    engine = f'engine="podman-4.3.1"\nname="x"\nimage="o/i@{_DIGEST}"\nimageid="{"3d" * 32}"\n'
    _process(tmp_path, 2, {"container": "podman"}, {"run/.containerenv": engine, **release})
    _process(tmp_path, 3, {}, {".dockerenv": "", ".singularity.d/labels.json": "[1", **release})
    _process(tmp_path, 4, {"container": "lxc"}, {})
    os.mkfifo(tmp_path / "4/root-fifo")
    found = _looked_into(tmp_path, 1, 2, 3, 4)
    assert "planted" not in json.dumps(found)
    one, two, three, four = (inside.container_of(found[pid]) for pid in (1, 2, 3, 4))
    assert (one.engine, one.reference, one.system) == ("apptainer", "/i/a.sif", "Debian 12")
    assert one.labels["org.label-schema.usage.singularity.deffile.from"] == "debian:12"
    assert (two.engine, two.reference) == ("podman-4.3.1", f"o/i@{_DIGEST}")
    assert (two.digest, two.image_id) == (_DIGEST, "3d" * 32)
    assert (three.engine, three.reference, three.system) == ("docker", "", "Debian 12")
    assert (four.engine, four.labels) == ("lxc", {})


def test_a_process_that_only_has_mounts_of_its_own_is_in_no_container(tmp_path: Path) -> None:
    release = {"etc/os-release": 'PRETTY_NAME="Debian 12"\n'}
    _process(tmp_path, 1, {}, release)
    _process(tmp_path, 2, {"container": "x"}, release)
    (tmp_path / "self/root/etc").mkdir(parents=True)
    (tmp_path / "self/root/etc/os-release").write_text(release["etc/os-release"])
    assert set(_looked_into(tmp_path, 1, 2)) == {2}


def test_files_in_a_container_that_block_hold_nobody_up(tmp_path: Path) -> None:
    _process(tmp_path, 1, {"container": "x"}, {"etc/x": ""})
    for name in ("etc/os-release", ".dockerenv"):
        os.mkfifo(tmp_path / f"1/root/{name}")
    (event,) = _looked_into(tmp_path, 1).values()
    assert "system" not in event


@given(st.dictionaries(st.sampled_from(["variables", "engine", "labels", "system", "is_docker"]),
                       st.none() | st.text(max_size=5) | st.booleans()
                       | st.dictionaries(st.sampled_from(["image", "container"]),
                                         st.none() | st.text(max_size=5))))  # fmt: skip
def test_any_event_of_an_agent_is_a_container(event: dict[str, object]) -> None:
    assert isinstance(inside.container_of(event).engine, str)


def test_a_task_that_runs_in_another_root_is_seen_in_it(tmp_path: Path) -> None:
    """A mount namespace of its own stands for a container: its system is the one inside."""
    missing = [name for name in ("unshare",) if shutil.which(name) is None]
    need(missing + ([] if os.geteuid() == 0 else ["root"]), "a mount namespace")
    (tmp_path / "release").write_text('PRETTY_NAME="Inside 1.0"\n')
    # Ends when the agent has told what it saw; a minute at most.
    program = (
        "mount --bind release /etc/os-release; for _ in $(seq 600); do "
        "grep -qs '\"container\"' yprov/*/record/steps/0/nodes/*.jsonl && break; sleep 0.1; done"
    )
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", program]
    done = run("yprov-run", "-q", "--interval", "0.1", *command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = documents.load(only_job(tmp_path) / "prov.json")
    (image,) = documents.of_type(document, "entity", "run:ContainerImage").values()
    assert (image["run:operatingSystem"], image["run:origin"]) == ("Inside 1.0", "another root")
