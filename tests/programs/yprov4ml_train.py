"""A small training that records itself with the real yProv4ML, a document per rank.

What it imports and this training does not use (other formats than CSV, cards, loggers) is left
out by name: those packages are large, and one of its modules is no valid Python before 3.12.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

LEFT_OUT = ("zarr", "numcodecs", "netCDF4", "pandas", "xarray", "lightning", "fvcore", "rocrate",
            "pydot", "yprov4ml.prov2card", "torchvision")  # fmt: skip


class _Anything(types.ModuleType):
    """A module that has every name, as a class."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _LeaveOut(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if any(name == left or name.startswith(left + ".") for left in LEFT_OUT):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Anything(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def main() -> None:
    sys.meta_path.insert(0, _LeaveOut())
    import torch
    import yprov4ml  # type: ignore[import-not-found, unused-ignore]

    rank = int(os.environ.get("SLURM_PROCID", "0"))
    yprov4ml.start_run(
        experiment_name="real", prov_user_namespace="example.org", provenance_save_dir="prov",
        collect_all_processes=True, rank=rank, use_run_id=0, save_after_n_logs=5,
    )  # fmt: skip
    model = torch.nn.Linear(4, 1)
    yprov4ml.log_param("lr", 0.1, is_input=True)
    for epoch in range(3):
        loss = model(torch.ones(8, 4)).pow(2).mean()
        yprov4ml.log_metric("loss", loss.item(), context="training", step=epoch)
        yprov4ml.log_system_metrics(context="training", step=epoch)
    yprov4ml.log_model("model_final", model, context="training")
    yprov4ml.end_run(create_graph=False, create_svg=False, crate_ro_crate=False)
    print("recorded")


main()
