"""Sixty secrets in every place that is captured: a real run leaves none of them on the disk."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import need
from tests.support import documents
from tests.support.commands import environment, only_job, run
from tests.support.secrets import HARMLESS, HARMLESS_IN_TEXT, PLANTED, TEXTS, leaks
from yprov_run.capture.patch import without_secrets
from yprov_run.merge.accounting import FIELDS
from yprov_run.redaction.remote import without_credentials
from yprov_run.redaction.text import redact_text

_LINES = "".join(f"{planted.text}\n" for planted in PLANTED)
_HARMLESS_LINES = "".join(f"{text}\n" for text in HARMLESS)
_SECRETS = [planted.secret for planted in PLANTED]
# What the shim puts back: dash drops a name that is no identifier.
_FUNCTION = "BASH_FUNC_login%%"


def _repository(folder: Path) -> None:
    """Make a repository with a secret in each remote, in its difference, in an untracked file."""
    need([name for name in ("git",) if shutil.which(name) is None], "the code's state")
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]

    def git(*words: str) -> None:
        subprocess.run(["git", *author, *words], cwd=folder, check=True, env=environment())

    git("init", "-q", "-b", "main")
    (folder / "code.py").write_text("x = 1\n" + _LINES)
    git("add", "code.py")
    git("commit", "-q", "-m", "one")
    (folder / "code.py").write_text("x = 2\n" + _LINES[::-1] + _LINES)
    (folder / "new.txt").write_text(_LINES + _HARMLESS_LINES)
    lines = (f'[remote "r{i}"]\n\turl = https://me:{s}@h/x.git\n' for i, s in enumerate(_SECRETS))
    with (folder / ".git/config").open("a") as config:
        config.write(f'[remote "origin"]\n\turl = https://{_SECRETS[0]}@h/x.git\n')
        config.writelines(lines)


def _scheduler(folder: Path) -> Path:
    """Make Slurm's programs, which answer with secrets in all that they say."""
    tools = folder / "tools"
    tools.mkdir()
    words = shlex.join([word for planted in PLANTED for word in shlex.split(planted.text)])
    directives = "".join(f"#SBATCH --comment {p.text}\n#YPROV --tag {p.text}\n" for p in PLANTED)
    (folder / "script").write_text(f"#!/bin/bash\n{directives}{_LINES}{_HARMLESS_LINES}")
    (folder / "shown").write_text(f"JobId=77 JobName=j Comment={words} Command={words}\n")
    rows = dict.fromkeys(FIELDS, "")
    rows |= {"JobIDRaw": "77", "State": "COMPLETED", "End": "1795246544", "User": "root",
             "SubmitLine": f"sbatch --wrap={shlex.quote(words)} {words}"}  # fmt: skip
    (folder / "row").write_text("\x1f".join(rows.values()) + "\n")
    (tools / "scontrol").write_text(
        f'#!/bin/sh\ncase "$*" in *show*) cat {folder}/shown ;; *) cat {folder}/script ;; esac\n'
    )
    (tools / "sacct").write_text(f"#!/bin/sh\ncat {folder}/row\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return tools


def _variables() -> dict[str, str]:
    """Return variables with secrets as their values, and inside their values."""
    shaped = [planted.secret for planted in PLANTED if planted.text.startswith("use ")]
    table = base64.b64encode(f"_ModuleTable_ = {{ note = [[{_LINES}]] }}".encode()).decode()
    found = {
        "LOADEDMODULES": "site/1", "_LMFILES_": "/nowhere/site/1", "LMOD_CMD": "/x",
        "_ModuleTable001_": table, "_ModuleTable_Sz_": "1",
        _FUNCTION: f"() {{ {_LINES} }}",
    }  # fmt: skip
    for index, planted in enumerate(PLANTED):
        found[f"TORCH_{index}_TOKEN"] = planted.secret
        found[f"SLURM_NOTE_{index}"] = found[f"LMOD_NOTE_{index}"] = planted.text
        found[f"EBROOT{index}"] = f"https://me:{planted.secret}@h/sw"
        found[f"HF_URL_{index}"] = f"https://h/x?sig={planted.secret}&n=1"
    found |= {f"OMP_NOTE_{index}": text for index, text in enumerate(HARMLESS)}
    found["APPTAINER_CONTAINER"] = f"docker://me:{_SECRETS[-1]}@h/i:1"
    return found | {f"PYTHON_X{index}": secret for index, secret in enumerate(shaped)}


def _program(folder: Path) -> None:
    """Make a program that leaves records of its own, with secrets in them."""
    family = {"prefix": {"prov-ml": "x"}, "entity": {
        f"ex:{i}": {"prov:label": p.text, "api_key": p.secret,
                    "password": {"$": p.secret, "type": "xsd:string"}}
        for i, p in enumerate(PLANTED)
    }}  # fmt: skip
    (folder / "a.kept").write_text(json.dumps(family))
    (folder / "params").mkdir()
    for index, planted in enumerate(PLANTED):
        (folder / f"params/api_key_{index}").write_text(planted.secret)
        (folder / f"params/note_{index}").write_text(planted.text)
    (folder / "work.py").write_text(
        "import os, pathlib, shutil\n"
        "shutil.copy('a.kept', 'prov_program.json')\n"
        "run = pathlib.Path('mlruns/0/run1'); run.mkdir(parents=True)\n"
        "(run / 'meta.yaml').write_text('run_id: run1\\nstatus: 3\\n')\n"
        "shutil.copytree('params', run / 'params')\n"
        f"assert 'Pl4nted' in os.environ[{_FUNCTION!r}]\n"
    )


def test_of_sixty_secrets_in_every_place_no_byte_is_on_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    _repository(folder)
    _program(folder)
    tools = _scheduler(tmp_path)
    (folder / "conf.yaml").write_text("".join(f"- {planted.text}\n" for planted in PLANTED))
    (folder / "conf.ini").write_text("[a]\n" + "".join(f"token = {s}\n" for s in _SECRETS))
    tariff = f"  source: https://me:{_SECRETS[3]}@h/mix\n  price_per_kwh: 0.3\n  currency: EUR\n"
    tariff += "  date: 2026-01-01\n"
    (folder / "yprov.yaml").write_text(f"env: ['SITE_*']\ntariff:\n{tariff}")
    words = [word for planted in PLANTED for word in shlex.split(planted.text)]
    env = environment(SLURM_JOB_ID="77", SLURM_JOB_NAME="j", **_variables())
    done = run(
        "yprov-run", "--name", f"run-{_SECRETS[0]}",
        "--tag", f"key={_SECRETS[0]}", "--tag", f"token={_SECRETS[-1]}",
        "--input", f"https://me:{_SECRETS[1]}@h/data.h5",
        "--output", f"out?token={_SECRETS[2]}", "--env", "all",
        sys.executable, "work.py", "--config", "conf.yaml", "conf.ini", *words, *HARMLESS,
        cwd=folder, env={**env, "PATH": f"{tools}:{env['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    job = only_job(folder)
    assert not leaks(job)
    assert not [secret for secret in _SECRETS if secret.encode() in done.stderr]
    # All of that was captured, and what only looks like a secret stays.
    step = json.loads((job / "record/steps/0/step.json").read_text())
    assert step["argv"][-len(HARMLESS) :] == list(HARMLESS)
    document = documents.load(job / "prov.json")
    assert documents.job(document)["run:submitLine"].startswith("sbatch --wrap=")
    kinds = ("CodeState", "Environment", "Module", "EasyBuildPackage", "ContainerImage")
    assert all(documents.of_type(document, "entity", f"run:{kind}") for kind in kinds)
    (script,) = (one for name, one in document["entity"].items() if name[:7] == "batch_s")
    (patch,) = job.glob("artifacts_GR0/code_*.patch")
    (variables,) = documents.of_type(document, "entity", "run:Environment").values()
    kept = set(json.loads(variables["prov:value"]).values())
    assert [text for text in HARMLESS if text not in script["prov:value"].splitlines()] == []
    assert [text for text in HARMLESS if f"+{text}" not in patch.read_text().splitlines()] == []
    assert [text for text in HARMLESS if text not in kept] == []
    assert len(list((job / "artifacts_GR0/embedded").rglob("*.json"))) == 2
    assert (job / "report.html").stat().st_size > 10_000
    assert "<redacted>" in (job / "report.html").read_text().replace("&lt;", "<").replace(
        "&gt;", ">"
    )


@pytest.mark.parametrize("secret", _SECRETS, ids=lambda secret: secret[:12])
def test_a_remote_loses_its_credentials_wherever_they_stand(secret: str) -> None:
    for url in (
        f"https://me:{secret}@host/x.git", f"https://{secret}@host/x.git",
        f"https://host/x.git?token={secret}", f"https://host/x.git#{secret}",
        f"ssh://me:{secret}@host/x.git", f"http://host/x.git;token={secret}",
    ):  # fmt: skip
        assert secret not in without_credentials(url)
        assert "host/x.git" in without_credentials(url)


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:30])
def test_a_harmless_look_alike_stays_in_every_kind_of_file(text: str) -> None:
    for form in ("{}\n", "- {}\n", "+{}\n", "#SBATCH {}\n", "export A=1; {}\n", "# {}\n"):
        line = form.format(text)
        assert redact_text(line) == line


def test_a_key_in_a_patch_and_a_file_that_is_one_keep_no_line_of_it() -> None:
    head = "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -1,4 +1,4 @@\n"
    key = "-----BEGIN RSA PRIVATE KEY-----\n-Kold\n+Knew\n Ksame\n"
    patch = (
        f'{head.format("a.py")} x = 1\n+k = """{key} -----END RSA PRIVATE KEY-----\n+y = 2\n'
        f"{head.format('b.py')} {key}{head.format('c.py')} Kafter\n"
        f"{head.format('keys/hf_token.txt')}-Kone\n+Ktwo\n{head.format('token.py')}+Kcode\n"
    )
    kept = without_secrets(patch)
    assert len(kept.split("\n")) == len(patch.split("\n"))
    assert [word for word in ("Kold", "Knew", "Ksame", "Kone", "Ktwo") if word in kept] == []
    assert [word for word in ("x = 1", "+y = 2", "Kafter", "+Kcode") if word not in kept] == []


@pytest.mark.parametrize(
    "name", [".cdsapirc", ".ecmwfapirc", "ada_accessKeys.csv", "pgpass.conf", ".pgpass"]
)
def test_of_a_file_that_holds_a_credential_only_no_line_is_kept(name: str) -> None:
    head = f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n"
    assert "Zq7" not in without_secrets(f"{head}@@ -0,0 +1,2 @@\n+url,Zq7\n+Zq7:Zq7\n")


def _patch(text: str, sign: str) -> str:
    head = "diff --git a/c.yaml b/c.yaml\n--- a/c.yaml\n+++ b/c.yaml\n@@ -1,9 +1,9 @@\n"
    lines = text.split("\n")
    return head + " first: 1\n" + "".join(f"{sign}{line}\n" for line in lines) + " last: 1\n"


@pytest.mark.parametrize("sign", ["+", "-", " "])
@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_of_several_lines_is_told_in_a_patch(text: str, sign: str) -> None:
    patch = _patch(text, sign)
    kept = without_secrets(patch)
    assert "Zq7" not in kept
    pairs = list(zip(patch.split("\n"), kept.split("\n"), strict=True))
    assert [(was, now) for was, now in pairs if was[:1] != now[:1]] == []
    words = [f"kept{number}" for number in range(1, 4) if f"kept{number}" in text]
    assert [word for word in words if word not in kept] == []
    assert without_secrets(kept) == kept


@pytest.mark.parametrize("sign", ["+", "-", " "])
def test_a_look_alike_stays_in_a_patch_beside_others(sign: str) -> None:
    patch = _patch("\n".join(text for text in (*HARMLESS, *HARMLESS_IN_TEXT)), sign)
    assert without_secrets(patch) == patch


def test_a_secret_that_changes_is_told_in_what_a_line_was_and_in_what_it_is() -> None:
    patch = _patch("", " ").replace(
        " \n",
        " password: |\n-  aZq7\n-  bZq7\n+  cZq7\n   dZq7\n kept1: 1\n-api_key = (\n+key2 = (\n"
        '   "eZq7"\n )\n-token: fZq7\n+token: gZq7\n\\ No newline at end of file\n',
    )
    kept = without_secrets(patch)
    assert "Zq7" not in kept
    assert " kept1: 1\n" in kept
    assert "\n\\ No newline at end of file\n" in kept
    assert len(kept.split("\n")) == len(patch.split("\n"))


def test_a_hunk_that_begins_within_a_secret_is_told_by_its_heading_and_by_its_end() -> None:
    head = "diff --git a/c b/c\n--- a/c\n+++ b/c\n"
    patch = (
        f"{head}@@ -5,3 +5,3 @@ password: |\n   aZq7\n-  bZq7\n+  cZq7\n kept1: 1\n"
        "@@ -25,3 +25,3 @@ kept2: |\n   kept3\n-  kept4\n"
        "@@ -45,3 +45,3 @@ x\n aZq7\n-bZq7\n+cZq7\n -----END RSA PRIVATE KEY-----\n kept5\n"
    )
    kept = without_secrets(patch)
    assert "Zq7" not in kept
    assert [number for number in range(1, 6) if f"kept{number}" not in kept] == []
    assert len(kept.split("\n")) == len(patch.split("\n"))


@given(st.text(alphabet="+- \\\n@d:|'\"(=#kp", max_size=60), st.text(max_size=60))
def test_any_patch_keeps_its_lines(text: str, more: str) -> None:
    patch = f"{_patch('password: |', '+')}{text}token{text}{more}"
    kept = without_secrets(patch).split("\n")
    assert len(kept) == len(patch.split("\n"))
