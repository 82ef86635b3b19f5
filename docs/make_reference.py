"""Make docs/reference/*.md from the code: `python docs/make_reference.py`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import typer

from yprov_run import config, measures
from yprov_run.cli import init, merge, options
from yprov_run.cli import inspect as inspecting
from yprov_run.kinds import KINDS, Kind

_DEFAULT = re.compile(r" \[default: ([^\]]*)\]")
_MADE = "This page is made from the code by `python docs/make_reference.py`.\n"


def pages() -> dict[str, str]:
    """Return the text of each page by its file's name."""
    return {
        "commands.md": _commands(),
        "configuration.md": _configuration(),
        "fields.md": _fields(),
        "quantities.md": _quantities(),
    }


def _table(*header: str) -> str:
    return f"| {' | '.join(header)} |\n|{'---|' * len(header)}\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


# Commands and options


def _commands() -> str:
    parts = [
        "# Commands and options\n",
        _MADE + "The same is printed by `--help` of each. Options of [configuration files]"
        "(configuration.md) hold where none is given. What each ends with: "
        "[exit statuses](exit.md).\n",
    ]
    for program, app in (("yprov-run", options.app), ("yprov-merge", merge.app)):
        (command,) = app.registered_commands
        parts += _command(2, program, command)
        if app is options.app:
            (command,) = init.app.registered_commands
            parts += _command(3, "yprov-run --init", command)
    inspect_app = inspecting.make_app()
    group = inspect_app.registered_callback
    parts += _command(2, "yprov-inspect", group)
    for command in inspect_app.registered_commands:
        parts += _command(3, f"yprov-inspect {command.name}", command)
    return "\n".join(parts)


def _command(level: int, title: str, info: Any) -> Iterator[str]:
    """Yield a command's heading, words, arguments, options and examples."""
    yield f"{'#' * level} {title}\n"
    yield inspect.cleandoc(info.callback.__doc__) + "\n"
    found = list(_parameters(info.callback))
    arguments = [words for kind, words in found if kind == "argument"]
    if arguments:
        yield _table("argument", "meaning") + "".join(arguments)
    chosen = [words for kind, words in found if kind == "option"]
    yield _table("option", "meaning", "default") + "".join(chosen)
    lines = (info.epilog or "").splitlines()[2:]
    if lines:
        text = "\n".join(
            f"$ {line.strip()}" if not line.lstrip().startswith("#") else line.strip()
            for line in lines
        )
        yield f"<!-- test: options -->\n```console\n{text}\n```\n"


def _parameters(function: Any) -> Iterator[tuple[str, str]]:
    """Yield each parameter of a command's function as (argument or option, its row)."""
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints[name]
        (info,) = hint.__metadata__
        if isinstance(info, typer.models.ArgumentInfo):
            shown = info.metavar or name.upper()
            yield "argument", _row(f"`{shown}`", _meaning(info))
            continue
        words = ", ".join(f"`{one}`" for one in _names(name, info))
        value = _value(hint.__args__[0], info)
        if value:
            words = words[:-1] + f" {value}`"
        yield "option", _row(words, _meaning(info), _default(info, parameter.default))
    yield "option", _row("`-h`, `--help`", "Show this message and exit.", "")


def _names(name: str, info: Any) -> tuple[str, ...]:
    """Return an option's names; inside `Annotated`, Typer has the first one as its default."""
    first = (info.default,) if isinstance(info.default, str) else ()
    return (*first, *(info.param_decls or ())) or (f"--{name.replace('_', '-')}",)


def _value(kind: Any, info: Any) -> str:
    """Return the word for an option's value; empty for one that has none."""
    if info.metavar:
        return str(info.metavar)
    kinds = [kind, *getattr(kind, "__args__", ())]
    if bool in kinds:
        return ""
    for one in kinds:
        if isinstance(one, type) and hasattr(one, "__members__"):
            return "|".join(one.__members__)
        if one in (int, float):
            return "NUMBER"
        if one is Path:
            return "PATH"
    return "TEXT"


def _meaning(info: Any) -> str:
    variable = f" Or the variable `{info.envvar}`." if info.envvar else ""
    return _DEFAULT.sub("", info.help or "") + variable


def _default(info: Any, value: object) -> str:
    said = _DEFAULT.search(info.help or "")
    if said:
        return str(said[1])
    return "" if value in (None, False, inspect.Parameter.empty) else f"`{value}`"


# Configuration


def _configuration() -> str:
    parts = [
        "# Configuration\n",
        _MADE,
        "Settings that stay can stand in files. In this order each goes over the ones before:\n",
        f"1. the site's `{config.SITE}`\n"
        "2. the user's `~/.config/yprov/config.yaml` (or below `XDG_CONFIG_HOME`)\n"
        f"3. the folder's `./{config.FOLDER}`\n"
        "4. the variables below\n"
        "5. [options](commands.md)\n",
        "Only the lists `env` and `ignore` and the lines of `advice` of several files add up.\n",
        "An unknown key, or a value that may not be, is an error with file and line before "
        "anything is launched (exit status 2); so is a variable in `dir` that is not set, where "
        "no variable or option gives the folder. A file that is none (a pipe, a device), is above "
        "1 MiB or cannot be read gives no settings, with a warning.\n",
        "```yaml\ndir: $SCRATCH/yprov\ninterval: 5\nignore: [core.*, tmp]\n"
        "advice:\n  gpu_idle_below: 0.05\n```\n",
        "## Keys\n",
        _table("key", "value", "what it does")
        + "".join(_row(f"`{name}`", value, what) for name, (_, value, what) in config.KEYS.items())
        + _row("`advice`", "`threshold: number` lines", "thresholds of the advice, below")
        + _row("`tariff`", "`name: value` lines", "what a kWh emits and costs, below"),
        "## Variables\n",
        _table("variable", "what it does")
        + "".join(_row(f"`{name}`", what) for name, what in _variables())
        + _row("`YPROV_JOB_DIR`", "set for the program: the job's directory, in which a "
               "`yprov-run` inside the job adds a step"),
        "## Thresholds of the advice\n",
        "Under `advice`; [Advice](../advice.md) has the rules.\n",
        _table("threshold", "default", "meaning")
        + "".join(_row(f"`{n}`", f"{d:g}", what) for n, (d, what) in config.ADVICE.items()),
        "## Tariff\n",
        "Under `tariff`; `source` and `date` are needed, no value is built in. "
        "[What the figures mean](../measurement.md#what-it-was-worth) has an example.\n",
        _table("name", "value", "meaning")
        + "".join(_row(f"`{n}`", kind, what) for n, (kind, what) in config.TARIFF.items()),
    ]  # fmt: skip
    return "\n".join(parts)


def _variables() -> Iterator[tuple[str, str]]:
    hints = get_type_hints(options.app.registered_commands[0].callback, include_extras=True)
    for name, hint in hints.items():
        for info in getattr(hint, "__metadata__", ()):
            if isinstance(info.envvar, str):
                yield info.envvar, f"as `{_names(name, info)[0]}`"


# What is captured


def _fields() -> str:
    parts = [
        "# Captured fields\n",
        _MADE,
        "What each kind of capture writes to `record/steps/<n>/captured/<kind>.json`, below "
        "`data`. Where it comes from and when it can be wrong: [files, code, software, "
        "containers, nodes](../captured.md); [the job, its environment and modules]"
        "(../captured_job.md). The terms of the document: [Terms](../terms.md).\n",
    ]
    for kind in KINDS:
        parts += _kind(kind)
    return "\n".join(parts)


def _kind(kind: Kind) -> Iterator[str]:
    module = importlib.import_module(f"yprov_run.kinds.{kind.name}")
    yield f"## {kind.name}\n"
    when = "beside the job, from its launch on" if kind.moment == "launch" else "after its end"
    yield (
        f"{inspect.cleandoc(module.__doc__ or '')}\n\nTaken {when}; at most {kind.limit_s:g} s and "
        f"{kind.max_bytes >> 20} MiB.\n"
    )
    classes = [one for one in vars(module).values() if isinstance(one, type)]
    classes = [one for one in classes if dataclasses.is_dataclass(one)]
    # The record itself first; the others are what its fields hold.
    for one in sorted(classes, key=lambda found: found.__name__ != "Captured"):
        title = "The record" if one.__name__ == "Captured" else f"`{one.__name__}`"
        yield f"{title}: {' '.join(inspect.cleandoc(one.__doc__ or '').split())}\n"
        yield _table("field", "type") + "".join(
            _row(f"`{field.name}`", f"`{field.type}`") for field in dataclasses.fields(one)
        )


# What is measured


def _quantities() -> str:
    parts = [
        "# Measured quantities\n",
        _MADE,
        "The columns that samples may have (`record/steps/<n>/nodes/*.samples.csv`, where the "
        "stored integer is in the stored unit), and the metric files "
        "(`metrics_GR0/*.csv`, in the unit). What each means, and how wrong it may be: "
        "[What the figures mean](../measurement.md). `1` is a share or a number, `Cel` degrees "
        "Celsius; a counter only grows.\n",
        _table("quantity", "unit", "stored as", "kind", "read with")
        + "".join(
            _row(
                f"`{one.name}`",
                one.unit,
                one.stored_unit,
                one.kind,
                "each sample" if one.every == 1 else f"every {one.every}th sample",
            )
            for one in measures.QUANTITIES.values()
        ),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    for name, text in pages().items():
        (Path(__file__).parent / "reference" / name).write_text(text, encoding="utf-8")
