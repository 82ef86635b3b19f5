"""No secret reaches the disk, and what only looks like one stays."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import environment, only_job, run
from tests.support.secrets import HARMLESS, HARMLESS_IN_TEXT, PLANTED, TEXTS, WORDS, Planted
from yprov_run.redaction.shapes import REDACTED
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


@pytest.mark.parametrize("text", HARMLESS_IN_TEXT)
def test_what_a_script_only_refers_to_stays(text: str) -> None:
    assert redact_text(f"a\n{text}\nb") == f"a\n{text}\nb"


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_of_a_word_of_a_command_line_no_part_of_a_secret_is_left(words: list[str]) -> None:
    redacted = redact_argv(["prog", *words, "end"])
    left = " ".join(redacted)
    assert REDACTED in left
    assert "Zq" not in left and "battery" not in left and "zq" not in left and "4dor" not in left
    assert len(redacted) == len(words) + 2
    assert (redacted[0], redacted[-1]) == ("prog", "end")


@pytest.mark.parametrize("value", ["$Zq7", "{{Zq7}}", "/9jZq7", "--Zq7", "a'b;Zq7&c d"])
def test_of_a_variable_with_a_secret_name_nothing_is_left(value: str) -> None:
    assert redact_variable("WANDB_PASSWORD", value) == REDACTED
    assert redact_variable("WANDB_API_KEY", value) == REDACTED
    assert redact_json({"api_key": value}) == {"api_key": REDACTED}


@pytest.mark.parametrize("text", TEXTS)
def test_of_a_secret_in_a_text_no_part_is_left_and_what_is_around_it_stays(text: str) -> None:
    redacted = redact_text(f"first=1\n{text}\nlast=1\n")
    assert "Zq7" not in redacted
    kept = [f"kept{number}" for number in range(1, 4) if f"kept{number}" in text]
    assert [word for word in kept if word not in redacted] == []
    assert redacted.startswith("first=1\n")
    assert redacted.endswith("\nlast=1\n")
    assert redacted.count("\n") == text.count("\n") + 3
    assert redact_text(redacted) == redacted


def test_the_key_of_kaggles_file_is_one() -> None:
    assert redact_json({"username": "ada", "key": "x"}) == {"username": "ada", "key": REDACTED}
    assert redact_json({"name": "ada", "key": "x"}) == {"name": "ada", "key": "x"}


def test_a_value_is_judged_by_the_name_beside_it() -> None:
    pair = {"name": "API_KEY", "value": "x"}
    assert redact_json([pair]) == [{"name": "API_KEY", "value": REDACTED}]
    assert redact_json({"name": "lr", "value": "x"}) == {"name": "lr", "value": "x"}


@pytest.mark.parametrize("holder", ["$", "value", "@value", "default"])
def test_a_value_is_judged_by_the_name_of_what_is_around_it(holder: str) -> None:
    assert redact_json({"api_key": {holder: "x"}}) == {"api_key": {holder: REDACTED}}
    assert redact_json({"lr": {holder: "x"}}) == {"lr": {holder: "x"}}


_HOSTILE = (
    "name: a\nvalue", "token: str = field(", "a=Option(", "get('token') or ", "name=a ",
    "\\nlogin a", '--token "\\"', "--token", "--pass 'a\n", "-- ", "://a:b/", "://a:b/c@",
    "token='a\n", 'token="""', "password ", "<a>", "machine ", "login(key", "'--token',\n",
    "token = 'a' ", "token: a#", "['token'] = [", "tokens: [\n'", "token=", "token='", 'token="',
    'token=\\"', "token=$(", "token: a,", "token: |\n ", "-p '", "://a:", "://a:b@", "'--token'",
    "default=login(", "get('token',", "<token a", "machine x\nlogin y\n", "api_key=(",
    "docker login -p \\\n", "\\a", "'\"", "\\", "token:\n- a\n", "tokens=[' '", "/t/1",
    "-----BEGIN ", "password \n", "\n\n ", "$a", "token=$a", "a=", "token=f()", "token=self.x",
    "token={{", "token=`", "token=$A/", "token=/a", "token=<a>", "token: f()", "token: $A/",
    "token: a ,", "token=f(a,", "token: |\n\n", "a:", "http://", "a,token", "x-", "_",
    '"username":"","key":', "token = a + ", "token=a[", "token = a.b.", "token = a[0]",
    "a, token = 'x', ", "token, ", "a,token='x','y'\n",
)  # fmt: skip


@pytest.mark.parametrize("piece", _HOSTILE)
def test_a_hostile_text_costs_time_in_proportion(piece: str) -> None:
    word = piece * (128_000 // len(piece))
    started = time.process_time()
    redact_argv([word])
    redact_text(f"curl -u x {word}")
    redact_variable("NAME", word)
    assert time.process_time() - started < 6  # about 0.2 s; a cost by the square is hours


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
  <redacted>
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
    assert redact_text(text).count("\n") == text.count("\n")
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
