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
    "author=ada", "--authors 3", "--passes 3", "passthrough=fast", "compass=north", "--lr=3e-4",
    "key=value", "keyboard=us", "monkey=banana", "primary_key=id", "--key name", "hotkey=ctrl",
    "secretary=bob", "--cookiecutter template", "pattern=*.h5", "path=/data/x", "--pat-ience 5",
    "PWD=/home/ada/work", "OLDPWD=/home/ada", "TOKENIZERS_PARALLELISM=false",
    "SSH_AUTH_SOCK=/tmp/ssh-x/agent.12", "HF_TOKEN_PATH=/home/ada/.cache/huggingface/token",
    "GOOGLE_APPLICATION_CREDENTIALS=/home/ada/key.json", "AUTH_TYPE=munge", "auth=none",
    "use_auth=true", "private=false", "https://host.org/path@v1.2", "https://host:8080/a",
    "ssh://git@github.com/org/repo.git", "git@github.com:org/repo.git", "ada@example.org",
    "sk-learn==1.4", "scikit-learn", "sk-project-for-the-simulation-of-turbulence", "hf_home",
    "hf_transfer", "4f2c7f8d9a1b2c3d4e5f60718293a4b5c6d7e8f9", "sha256:" + _hex(64),
    "550e8400-e29b-41d4-a716-446655440000", "GPU-7f3a9c1e-5b8d-2046-e9a7-c3f1b5d80264", "data:AAAA",
    "ghp_short", "glpat", "AKIA", "xox", "eyJ", "eyJhbGci", "node[0001-1024]",
    "mkdir -p /scratch/run1", "srun -p gpu -u python train.py", "cp -p a b", "ps -p 1234",
    "-p debug", "NCCL_IB_HCA=mlx5_0:1,mlx5_1:1", "OMP_PLACES=cores", "2026-11-21T06:30:20",
    "a=b:c@d", "basic usage", "bearer of news", "token = tokenizer.next_token()",
    "password = getpass()", "api_key = os.environ['KEY']", "token: str",
    # counted tokens, passes of a computation, keys of a table
    "num_tokens=4096", "total_tokens: 300B", "max_new_tokens=64", "TOKENS_PER_STEP=524288",
    "tokens=1000000", "--tokens 300B", "TOKENS=1e9", "tokens = line.split()", "tokens: int",
    "new_tokens=12", "token_dropout=0.1", "pad_token_id=0", "eos_token_id: 2", "subtoken=un",
    "tokenizer=gpt2-xl", "tokens = ids[:512]", "bypass=on", "n_pass=3", "--forward-pass fused",
    "PASS: tests/run.sh", "low_pass=butterworth", "# second pass: compute", "passes=all",
    "proxy_pass http://backend", "sort_key=loss", "foreign_key=run_id", "hot_key=ctrl",
    "batch_key=sample", "sorted(rows, key=by_name)", "{'key': 'loss', 'value': 3}",
    "GIT_ASKPASS=/usr/bin/askpass", "oauth_client_id=yprov", "--no-password yes",
    "--password-stdin registry.io", "passwordless=always",
    # ports, processes, names; what stands around a login
    "docker run -p 8080:80 image", "apptainer exec -p image.sif true", "wandb login && train x",
    "git config credential.helper store", "git config user.name ada",
    "aws configure set region eu-west-1", "set -x PATH /usr/bin", "https://host:80?to=a@b.org",
    "https://host:80/a@b", "docker://image:tag@sha256:" + _hex(64),
    "https://discuss.pytorch.org/t/2-gpus-hang-at-start/81",
    # code
    "{'name': 'x', 'value': 'y'}", 'os.environ.get("API_KEY", "")',
    'os.environ.setdefault("HF_HOME", "/scratch/ada/hf")',
    'add_argument("--tokenizer", default="gpt2-large")', 'plot.login(user, key="")',
    "if password == '' and x:", "<token>hello</token>", "outTokens: list[Token]",
    "skipped_tokens = []", "__tablename__, primary_key=True", "self.auth = self.make(x)",
    "def f(token: str, x: int) -> str:", "f(token=token, n=3)",
    '["--tokenizer", "gpt2"]', 'add_argument("--token", "-t")', 'option("--token", "hf_token")',
    "mpiexec -genv OMP_NUM_THREADS 4 -env LR x -n 2 ./a", "# echo done | docker ps",
    # hyperparameters, and what code computes
    "--token-budget 4096", "--token-mixing m4096", "model.token_mixing=attention",
    "--auth-chains A,B", "--fold-pass a.pdb", "--token-merge tome", "storage_key=a",
    "token_embedding=learned", "video_token_id=151656", "s3_key=data/run1.h5",
    "token_types: [a]", "private_modules=fir",
    "token = ids[0]  # first", "state.token = token  # keep", "accept_token = token + 1",
    "token = ids[:, -1]", "token = nxt", "token = hf_token", "f(token=ids[0], n=3)",
    "self.api_key = api_key", "opts.password = password", "f(token=tok, n=3)",
    "password = opts.password", "token = ids[i] * 2 + shift",
)  # fmt: skip

# What a script only refers to; in a command line nothing expands it any more.
HARMLESS_IN_TEXT = (
    "token: str = field(default=None)", "- name: LR\n  value: 3e-4", ":meta private:\n'",
    "private_modules=['_fir']", "PRIVATE = ['password', 'token']", "wandb login --relogin; train x",
    "--token $HF_TOKEN", "export API_KEY=$(cat ~/.key)", 'curl -u "$ME:$PW" https://h',
    "docker login -u me -p $PW", "wandb login $WANDB_API_KEY", 'password: "${DB_PASSWORD}"',
    "API_KEY=`cat key`", "token: ${{ secrets.TOKEN }}", "https://me:$PW@host/x", "mysql -p$PW",
    '"max_token": {"value": 4096, "type": "int"}', "token:\nvalue: string", "tokens:\n  value: 3",
    '"token": {"type": "string", "default": null}',
    "API_KEY=/home/ada/.keys/api", "--password '$DB_PASSWORD'", "--password '{{ vault }}'",
    'variable "token" {\n  default = null\n}',
)  # fmt: skip

_PW = "Tr0:ub'4dor&3"
# Words of a command line, as a program gets them: no shell will read them again.
WORDS = (
    ["--passphrase=correct horse battery staple"], [f"--password={_PW}"], [f"DB_PASSWORD={_PW}"],
    ["--token=a:b;c Zq"], ["API_KEY=a=b&c Zq"], [f"--export=ALL,API_KEY={_PW}"],
    ["--password", "$Zq7xKp"], ["--password", "{{Zq7xKp"], ["--api-key", "/9jZq7/4AAQxK"],
    ["API_KEY=/9jZq7xKpAAQ4/4AAQ"], ["API_KEY=/9jZq"], ["--password", "--xZq7Kp"],
    ["--password", "-Zq7Kp"], ["--token", "--zq-7xKp"], ["curl", "-uadmin:Zq7x", "https://h"],
    ["curl", "-sSu", "admin:Zq7x", "https://h"], ["https://me:p@ssZq7@host/x"],
    ["https://me:p@ss'Zq7@host"], ["redis://:a#Zq7@h:6379"], ["https://me:a/Zq7@h/x"],
    ["https://me:$Zq7xKp@host/x?y=1"], ["docker", "login", "-u", "docker", "-pZq7x"],
    ["docker", "login", "-u", "me", "-p", "Zq7x"],
    ["apptainer", "exec", "--docker-password", "Zq7x", "docker://img"],
    ["wandb", "login", "--relogin", "Zq7x"], ["wandb", "login", "--host=https://w.org", "Zq7x"],
    ["wandb", "login", "--host", "https://w.org", "Zq7x"], ["--db-pass=Zq7x y"], ["--pass", "Zq7x"],
    ["mysql", "-u", "git", "-pZq7x"], ["zip", "-PZq7x", "a.zip"],
    ["aws", "configure", "set", "aws_secret_access_key", "Zq7x"],
    ["rclone", "config", "create", "r", "s3", "secret_access_key", "Zq7x"],
    ["dvc", "remote", "modify", "--local", "http", "password", "Zq7x"],
    ["sh", "-c", "docker login -u me -p 'a Zq7x'; true"], ["password:a;Zq7x"],
    ["mpiexec", "-genv", "HF_TOKEN", "Zq7x", "-env", "API_KEY", "Zq8x", "-n", "2"],
    ["--api-keys", "aZq7x", "bZq7x"], ["sh", "-c", "echo Zq7x | docker login --password-stdin"],
    ["sbatch", "--wrap=sshpass -p 'a Zq7x' ssh h"],
)  # fmt: skip

# Scripts, configuration files and code, of one line or of several: `Zq7` is in every secret, and
# what begins with `kept` stays.
TEXTS = (
    "printf 'machine kept1\\nlogin kept2\\npassword aZq7\\n' > ~/.netrc",
    "wandb.login(\n  key='aZq7',\n)",
    "- name: API_KEY\n  value: aZq7\n- name: kept1\n  value: kept2",
    '{"name": "API_KEY", "value": "aZq7"}', "os.getenv('API_KEY') or 'aZq7'",
    "token: str = typer.Option('aZq7', help='kept1')", "token: str = field(default='aZq7')",
    "api_key = SecretStr('aZq7')", "setenv WANDB_API_KEY aZq7x\nkept1", "ENV API_KEY aZq7x\nkept1",
    'setenv("API_KEY", "aZq7x")', "setenv('HF_TOKEN', 'aZq7x')", "set -gx API_KEY aZq7x",
    "pushenv HF_TOKEN aZq7x", "docker login \\\n -u kept1 \\\n -p aZq7x \\\n kept2\nkept3",
    "curl \\\n -u kept1:aZq7x \\\n https://kept2", "wandb login \\\n  --relogin aZq7x\nkept1",
    "cat > ~/.netrc <<EOF\nmachine kept1.org\n  login kept2\n  password aZq7x\nEOF\nkept3",
    "machine kept1.org\npassword aZq7x\nlogin kept2", "default login kept1\npassword aZq7x",
    "wandb login --relogin aZq7x", "wandb login --host=https://kept1.org aZq7x",
    "aws configure set aws_secret_access_key aZq7x --profile kept1",
    "dvc remote modify --local kept1 password aZq7x",
    "rclone config create kept1 s3 access_key_id aZq7x secret_access_key bZq7",
    '--passphrase "correct horse Zq7" --kept1', "sshpass -p 'a Zq7' ssh kept1",
    "bash -c \"sshpass -p 'a Zq7' ssh kept1\"", "--password correct\\ horse\\ Zq7 --kept1",
    "# don't use docker login -p aZq7x kept1, it's bad", 'PASSWORD="two\nlines Zq7"\nkept1=1',
    "PASSWORD=ab\"cd Zq7\"'Zq7' kept1", "PASSWORD='it'\\''sZq7' kept1", "PASSWORD='$Zq7x'\nkept1",
    'api_key = """\naZq7x\n"""\nkept1 = 2', 'password="aZq7 x\nkept1', "password: abc#Zq7 # kept1",
    "password: abc,Zq7\nkept1: 1", "password: a, Zq7\nkept1: 1", "password: Hunter(Zq7\nkept1: 1",
    "{password: aZq7, kept1: x}", "password  =  a Zq7\nkept1 = x", "[kept1]\npass = aZq7x",
    "api_keys:\n  - aZq7x\n  - bZq7x\nkept1: 1", 'api_keys = ["aZq7x", "bZq7x"]\nkept1 = 1',
    'api_key = (\n    "aZq7x"\n    "bZq7x"\n)\nkept1 = 1',
    "key: |\n  kept1\npassword: |\n  a\n\n  Zq7\nkept2: 1", 'f(kept1, token="aZq7x", kept2=3)',
    'token: str = "aZq7x"', 'token: str | None = "aZq7x"  # kept1', "DB_PASS=aZq7x",
    "USERPASS=aZq7x", "KAGGLE_KEY=aZq7x", "OPENAI_KEY=aZq7x", "WANDB_KEY=aZq7x", "SSH_KEY=aZq7x",
    "password: $aZq7x", "API_KEY=/aZq7x", "password='`aZq7'", "API_KEYS=aZq7x,bZq7x",
    "TOKENS=aZq7x", "HF_TOKENS=aZq7x", "MYTOKEN=aZq7x", "HFTOKEN=aZq7x", "NEW_TOKEN=aZq7x",
    "OAUTH=aZq7x", "--pass aZq7x --kept1", "db_pass: aZq7x",
    'curl -H "Ocp-Apim-Subscription-Key: aZq7x" https://kept1', "MYSECRETS=aZq7x",
    "PROXYAUTH=aZq7x", 'wandb.login(key="aZq7x", kept1=1)', 'wandb.login(kept1=1, key="aZq7x")',
    'os.environ.setdefault("WANDB_API_KEY", "aZq7x")', 'os.getenv("API_KEY", "aZq7x")',
    'config.set("kept1", "password", "aZq7x")',
    'add_argument("--api-key", type=str, default="aZq7x", help="kept1")',
    'add_argument(\n    "-k", "--api-key",\n    default="aZq7x",\n)\nkept1',
    '{"username":"kept1","key":"aZq7x"}', "<password>aZq7x</password><kept1>x</kept1>",
    r'{"kept1": "{\"token\": \"aZq7\", \"kept2\": 1}"}', "%env API_KEY aZq7", "setx API_KEY aZq7",
    'define("DB_PASSWORD", "aZq7");', '<add key="ApiKey" value="aZq7"/>',
    "token: >-\n  aZq7\nkept1: 1", 'headers = {"Authorization": "token aZq7", "kept1": 1}',
    "requests.get(kept1, auth=('me', 'aZq7'))", "LANGSMITH=lsv2_pt_" + _hex(26) + "Zq7_" + _hex(10),
    "- https://conda.anaconda.org/t/ab-12345678-Zq7d-4c1e/kept1", "https://me:a@bZq7@kept1/x",
    "https://me:$2Zq7x@kept1/x", "https://me:a/Zq7@kept1/x", "redis://:a#Zq7@kept1:6379",
    '--passphrase "two\nlines Zq7" --kept1', "# it's PASSWORD='two\nlines Zq7'\nkept1=1",
    "sbatch --password=Tr0:ub'4Zq7 kept1",
    # commands in lists, in pipes, in notebooks; several values
    '"args": ["--kept1", "--token", "aZq7x", "kept2"]', "[prog, '--api-key', 'aZq7x', 'kept1']",
    "args:\n  - --token\n  - aZq7x\n  - kept1", 'args:\n- "--token"\n- "aZq7x"\n- kept1',
    r'"wandb.login(key=\"aZq7x\")\n", "kept1"',
    r'"os.environ.setdefault(\"HF_TOKEN\", \"aZq7x\")\n"',
    "echo aZq7x | docker login -u kept1 --password-stdin",
    "printf '%s' 'a Zq7' | helm registry login kept1 --password-stdin",
    "gh auth login --with-token < kept1; echo aZq7x | gh auth login --with-token",
    "mpiexec -genv HF_TOKEN aZq7x -env API_KEY bZq7x -n 2 ./kept1", "run --api-keys aZq7x bZq7x",
    "requests.get(kept1, auth=HTTPBasicAuth('kept2', 'aZq7x'))", "HTTPBasicAuth(kept1, 'aZq7x')",
    "USER, PASSWORD = 'kept1', 'aZq7x'", "PASSWORD, USER = 'aZq7x', 'kept1'",
    "(user, api_key) = ('kept1', 'aZq7x')", "url, token = kept1.url, 'aZq7x'  # kept2",
    # which of several, and short names
    "HF_TOKEN1=aZq7x", "APIKEY1=aZq7x", "DB_PASS1=aZq7x", "DB_PASS_PROD=aZq7x", "TOKEN1=aZq7x",
    "SECRET2=aZq7x", "api_key_2: aZq7x", "GITLAB_TOKEN_OF_ADA=aZq7x", "hf_token_ro=aZq7x",
    "TOKEN_HF=aZq7x", "Driver=kept1;UID=kept2;PWD=aZq7x", "DB_PW=aZq7x", "pw = aZq7x",
    "run --pw=aZq7x --kept1", "CDSAPI_KEY=aZq7x", "FERNET_KEY=aZq7x", "S3_KEY=aZq7x",
    'storage_key = "a3Zq7xKp=="', "token = aZq7x", "password = hunter Zq7", "X-Auth-Token: aZq7x",
    'token = prefix + "aZq7x"', "db_pass = aZq7x",
    # as the value of what has the name: PROV-JSON, JSON-LD, W&B's config.yaml, Terraform
    '{"password": {"$": "aZq7x", "type": "kept1"}, "kept2": {"$": "kept3"}}',
    '"password": {"type": "kept1", "$": "aZq7x"}', '"api_key": {\n  "@value": "aZq7x"\n},\n"kept1"',
    "api_key:\n  desc: null\n  value: aZq7x\nlr:\n  value: kept1", "api_key:\n    value: a Zq7",
    "password: {value: aZq7x}\nkept1: 1", '"token": {"value": "aZq7x"}',
    'variable "db_password" {\n  type    = string\n  default = "aZq7x"\n}\nkept1 = 1',
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
