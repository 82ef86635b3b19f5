"""The container that a command runs in, from its words, variables and the image's files."""

from __future__ import annotations

import json
import os
import shlex
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yprov_run.capture import container

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
        assert isinstance(container.sif_definition(stream.name), str)
