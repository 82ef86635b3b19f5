"""What is captured: scheduler variables, files, and never a credential."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yprov_run.redaction.text import REDACTED, redact_argv
from yprov_run.schedulers import detect
from yprov_run.schedulers.slurm import expand_hostlist


@pytest.mark.parametrize(
    "words",
    [
        ["--token", "X"], ["--hf-token", "X"], ["--api-key=X"], ["--api_key=X"],
        ["--password", "X"], ["API_KEY=X"], ["WANDB_API_KEY=X"], ["https://u:X@h/p"],
        ["ghp_" + "a" * 36], ["hf_" + "b" * 34], ["AKIA" + "A" * 16], ["glpat-" + "c" * 20],
        ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0x.abc"], ["sk-" + "d" * 30], ["--jwt=X"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_credential_is_replaced(words: list[str]) -> None:
    redacted = redact_argv(["prog", *words, "end"])
    assert REDACTED in " ".join(redacted)
    assert redacted[0] == "prog"
    assert redacted[-1] == "end"
    secrets = [word for word in words if len(word) > 15 and "=" not in word and "/" not in word]
    assert not [word for word in redacted if "X" in word or any(s in word for s in secrets)]


@pytest.mark.parametrize(
    "word",
    ["--tokenizer", "gpt2", "--lr=3e-4", "--author", "me", "https://host/path", "a@b.c", "key=1",
     "--max-tokens=100", "skip", "sk-learn", "--passes"],
)  # fmt: skip
def test_a_harmless_look_alike_stays(word: str) -> None:
    assert redact_argv(["prog", word, "value"]) == ["prog", word, "value"]


def test_slurm_facts_come_from_its_variables_without_its_credential() -> None:
    facts = detect(
        {
            "SLURM_JOB_ID": "17",
            "SLURM_JOB_NAME": "train",
            "SLURM_CLUSTER_NAME": "c",
            "SLURM_JWT": "eyJ",
            "SLURM_RESTART_COUNT": "2",
            "HOME": "/h",
        }
    )
    assert (facts.scheduler, facts.number, facts.name, facts.restart) == ("slurm", "17", "train", 2)
    assert sorted(facts.variables) == [
        "SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_RESTART_COUNT",
    ]  # fmt: skip


def test_without_a_scheduler_there_is_no_number() -> None:
    assert detect({}).number is None


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("n1", ["n1"]),
        ("n[1-3]", ["n1", "n2", "n3"]),
        ("n[08-11],x", ["n08", "n09", "n10", "n11", "x"]),
        ("r[1-2]n[1,3]", ["r1n1", "r1n3", "r2n1", "r2n3"]),
        ("a[1]b,c-d.e", ["a1b", "c-d.e"]),
        ("", []),
    ],
)
def test_a_host_list_names_its_hosts(text: str, hosts: list[str]) -> None:
    assert expand_hostlist(text) == hosts


@given(st.text(alphabet="n[]-,019", max_size=12))
def test_any_text_is_a_host_list_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(host, str) for host in expand_hostlist(text))


@pytest.mark.parametrize(
    "text",
    ["n[0-99999999]", "n[0-99999][0-99999]", ",".join(["n[0-99999]"] * 1000), "n" + "[1]" * 5000,
     f"n[{'0' * 20}-{'9' * 20}]"],
    ids=["range", "product", "sum", "brackets", "digits"],
)  # fmt: skip
def test_a_host_list_beyond_reason_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"more than|not a host list"):
        expand_hostlist(text)
