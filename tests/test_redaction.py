"""No secret reaches the disk, and what only looks like one stays."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import environment, only_job, run
from tests.support.secrets import HARMLESS, PLANTED, Planted
from yprov_run.redaction.text import redact_argv, redact_json, redact_text, redact_variable


def test_there_are_sixty_of_each() -> None:
    assert len({planted.secret for planted in PLANTED}) >= 60
    assert len(set(HARMLESS)) >= 60


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.text[:30])
def test_a_secret_is_found_in_every_kind_of_text(planted: Planted) -> None:
    texts = {
        "argument": " ".join(redact_argv(["prog", *shlex.split(planted.text), "end"])),
        "inner shell": redact_argv(["sh", "-c", planted.text])[2],
        "script": redact_text(f"#!/bin/bash\nexport A=1\n{planted.text}\nexport B=1\n"),
        "comment": redact_text(f"# was: {planted.text}\n"),
        "diff": redact_text(f"@@ -1 +1 @@\n-old\n+{planted.text}\n"),
        "submit line": redact_text(f"sbatch -N 2 --wrap={planted.text}"),
        "JSON": json.dumps(redact_json({"list": [{"line": planted.text}]})),
    }
    assert not [place for place, text in texts.items() if planted.secret in text]
    assert texts["argument"].split()[-1] == "end"
    assert texts["script"].startswith("#!/bin/bash\nexport A=1\n")
    assert texts["script"].endswith("\nexport B=1\n")


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:30])
def test_a_harmless_look_alike_stays(text: str) -> None:
    assert redact_text(f"a\n{text}\nb") == f"a\n{text}\nb"
    assert redact_argv(shlex.split(text)) == shlex.split(text)


def test_values_of_configuration_files_are_replaced_and_their_form_stays() -> None:
    text = """\
db:
  password: my secret phrase
  user: ada
api_key: "abc def"
private_key: |
  -----BEGIN OPENSSH PRIVATE KEY-----
  b3BlbnNzaC1rZXktdjEAAAAABG5vbmU
  -----END OPENSSH PRIVATE KEY-----
after: 1
{"token": "abcdef", "max_tokens": 5, "auth": {"password": "pw1234"}}
[wandb]
api_key=0123456789abcdef
"""
    assert (
        redact_text(text)
        == """\
db:
  password: <redacted>
  user: ada
api_key: "<redacted>"
private_key: |
  <redacted>
after: 1
{"token": "<redacted>", "max_tokens": 5, "auth": {"password": "<redacted>"}}
[wandb]
api_key=<redacted>
"""
    )


def test_a_variable_is_judged_by_its_name_and_by_its_value() -> None:
    assert redact_variable("SLURM_JWT", "x.y") == "<redacted>"
    assert redact_variable("PATH", "/usr/bin:/bin") == "/usr/bin:/bin"
    assert (
        redact_variable("HTTPS_PROXY", "http://me:pw@proxy:3128") == "http://<redacted>@proxy:3128"
    )
    assert redact_variable("SSH_AUTH_SOCK", "/tmp/agent.1") == "/tmp/agent.1"


@given(st.text(max_size=300))
def test_any_text_can_be_redacted_and_its_lines_stay_lines(text: str) -> None:
    redact_text(text)
    redact_argv(text.split())


def test_of_sixty_planted_secrets_no_byte_is_on_the_disk_after_a_run(tmp_path: Path) -> None:
    """In the environment, the arguments, the tags and a file that the command names."""
    shaped = [planted for planted in PLANTED if planted.text.startswith("use ")]
    named = [planted for planted in PLANTED if not planted.text.startswith("use ")]
    variables = {f"PYTHON_X{index}": planted.secret for index, planted in enumerate(shaped)}
    variables |= {
        f"TORCH_{index}_TOKEN": planted.secret for index, planted in enumerate(named)
    }  # fmt: skip
    (tmp_path / "conf.yaml").write_text("".join(f"- {planted.text}\n" for planted in PLANTED))
    words = [word for planted in PLANTED for word in shlex.split(planted.text)]
    done = run(
        "yprov-run", "--tag", f"key={shaped[0].secret}", "sh", "-c", 'exit 0 # "$@"', "sh",
        "--config", "conf.yaml", *words, *HARMLESS,
        cwd=tmp_path, env=environment(**variables),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # The shim puts back variables that a shell would drop: none of these is one.
    written = {
        str(path): path.read_bytes() for path in only_job(tmp_path).rglob("*") if path.is_file()
    }
    leaks = [
        (name, planted.text)
        for name, content in written.items()
        for planted in PLANTED
        if planted.secret.encode() in content
    ]
    assert not leaks
    step = json.loads((only_job(tmp_path) / "record/steps/0/step.json").read_text())
    assert step["argv"][-len(HARMLESS) :] == list(HARMLESS)
