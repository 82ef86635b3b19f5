"""What pyproject.toml says of this project."""

from __future__ import annotations

import re
import sys
from typing import Any

from tests.support.commands import REPOSITORY

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
# The Pythons that the project says it runs on, from the oldest to the newest.
PYTHONS = [
    name.rpartition(" ")[2]
    for name in PROJECT["project"]["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", name)
]
