"""Sixty planted secrets of different kinds, and sixty harmless words that look like some."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


def _key(start: str, length: int, letters: str = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0z") -> str:
    return start + (letters * (length // len(letters) + 1))[:length]


def _hex(length: int, start: int = 0) -> str:
    return ("7f3a9c1e5b8d2046e9a7c3f1b5d80264" * 4)[start : start + length]


@dataclass(frozen=True)
class Planted:
    """A secret, and a command line, script line or text in which it stands."""

    secret: str
    text: str


# Keys that are told by their shape, wherever they stand.
_SHAPED = (
    _key("ghp_", 36), _key("gho_", 36), _key("ghs_", 36), _key("github_pat_11A", 40),
    _key("glpat-", 20), _key("gldt-", 20), _key("npm_", 36), _key("pypi-AgEIcHlwaS5vcmc", 60),
    _key("dckr_pat_", 27), _key("hf_", 34), _key("sk-", 48), _key("sk-proj-", 60),
    _key("sk-ant-api03-", 90), _key("gsk_", 52), _key("nvapi-", 64), _key("r8_", 37),
    "AKIA" + "Q3EGR7XYZ5LMN2OP", "ASIA" + "Q3EGR7XYZ5LMN2OP", _key("AIza", 35), _key("ya29.", 60),
    _key("GOCSPX-", 28), "dop_v1_" + _hex(64), _key("hvs.", 90), _key("glsa_", 41),
    _key("xoxb-1234567890-", 30), _key("xapp-1-A0-", 40), _key("SG.", 22) + "." + _key("", 43),
    "sk_live_" + _key("", 24), _key("whsec_", 32), "SK" + _hex(32), "dapi" + _hex(32),
    "shpat_" + _hex(32), "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0",
)  # fmt: skip


def _named(number: int) -> str:
    return f"Pl4nted{number:02d}Zq{_hex(6, number % 20)}"


_FORMS = (
    "--token {}", "--api-key={}", "--hf-token {}", "--password '{}'", '--client-secret "{}"',
    "WANDB_API_KEY={}", "AWS_SECRET_ACCESS_KEY={}", "SLURM_JWT={}", "DB_PASSWD={}",
    "MY_CREDENTIAL={}", "SESSION_COOKIE={}", "X_AUTH={}", "PRIVATE_KEY={}", "clientSecret={}",
    "https://me:{}@host.org/x.git", "postgresql://me:{}@db:5432/runs",
    "https://h.org/o?sig={}&x=1", "https://hooks.slack.com/services/T0/B0/{}",
    "https://discord.com/api/webhooks/123456789012/{}12345678",
    "mysql -u me -p{} runs", "sshpass -p {} ssh host", "curl -u me:{} https://h",
    "docker login -u me -p {} registry", "redis-cli -a {} ping", "wandb login {}",
    'curl -H "Authorization: Bearer {}" https://h',
)  # fmt: skip

PLANTED = tuple(
    [Planted(secret, f"use {secret}") for secret in _SHAPED]
    + [Planted(_named(number), form.format(_named(number))) for number, form in enumerate(_FORMS)]
)

HARMLESS = (
    "--tokenizer gpt2", "--max-tokens 100", "--max-token 4096", "--pad-token '<pad>'",
    "--eos_token=</s>", "--num-tokens=1000000", "tokens_per_second=812", "--author ada",
    "author=ada", "--authors 3", "--passes 3", "passthrough=fast", "compass=north",
    "--lr=3e-4", "key=value", "keyboard=us", "monkey=banana", "primary_key=id", "--key name",
    "hotkey=ctrl", "secretary=bob", "--cookiecutter template", "pattern=*.h5", "path=/data/x",
    "--pat-ience 5", "PWD=/home/ada/work", "OLDPWD=/home/ada", "TOKENIZERS_PARALLELISM=false",
    "SSH_AUTH_SOCK=/tmp/ssh-x/agent.12", "HF_TOKEN_PATH=/home/ada/.cache/huggingface/token",
    "GOOGLE_APPLICATION_CREDENTIALS=/home/ada/key.json", "AUTH_TYPE=munge", "auth=none",
    "use_auth=true", "private=false", "https://host.org/path@v1.2", "https://host:8080/a",
    "ssh://git@github.com/org/repo.git", "git@github.com:org/repo.git", "ada@example.org",
    "sk-learn==1.4", "scikit-learn", "sk-project-for-the-simulation-of-turbulence", "hf_home",
    "hf_transfer", "4f2c7f8d9a1b2c3d4e5f60718293a4b5c6d7e8f9", "sha256:" + _hex(64),
    "550e8400-e29b-41d4-a716-446655440000", "GPU-7f3a9c1e-5b8d-2046-e9a7-c3f1b5d80264",
    "data:AAAA", "ghp_short", "glpat", "AKIA", "xox", "eyJ", "eyJhbGci", "node[0001-1024]",
    "mkdir -p /scratch/run1", "srun -p gpu -u python train.py", "cp -p a b", "ps -p 1234",
    "-p debug", "NCCL_IB_HCA=mlx5_0:1,mlx5_1:1", "OMP_PLACES=cores", "2026-11-21T06:30:20",
    "a=b:c@d", "basic usage", "bearer of news", "token = tokenizer.next_token()",
    "password = getpass()", "api_key = os.environ['KEY']", "token: str", "--token $HF_TOKEN",
    "export API_KEY=$(cat ~/.key)",
)  # fmt: skip


def leaks(folder: Path) -> list[tuple[str, str]]:
    """Return where below a folder a planted secret stands: in a name, in any byte, compressed."""
    found = []
    for path in sorted(folder.rglob("*")):
        for content in (str(path.relative_to(folder)).encode(), *_contents(path)):
            found += [(path.name, one.secret) for one in PLANTED if one.secret.encode() in content]
    return found


def _contents(path: Path) -> Iterator[bytes]:
    if path.is_file():
        content = path.read_bytes()
        yield content
        if path.suffix == ".gz":
            yield gzip.decompress(content)
