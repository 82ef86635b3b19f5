"""The program's environment variables: those that patterns name, without credentials."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from yprov_run import config
from yprov_run.capture.scene import Scene
from yprov_run.errors import YprovError
from yprov_run.kinds.environment import Captured
from yprov_run.redaction.text import redact_variable

# What tells how a program ran: where it was looked for, and what changes what it does.
PATTERNS = (
    # schedulers
    "SLURM_*", "SLURMD_*", "SBATCH_*", "SRUN_*", "PBS_*", "LSB_*", "LS_*", "LSF_*", "FLUX_*",
    "SGE_*", "PALS_*", "JSM_*", "ALPS_*",
    # accelerators
    "CUDA_*", "NVIDIA_*", "CUBLAS_*", "CUDNN_*", "NCCL_*", "NVSHMEM_*", "GPU_*", "HIP_*", "HSA_*",
    "ROCR_*", "ROCM_*", "MIOPEN_*", "RCCL_*", "AMD_*", "ZE_*", "ONEAPI_*", "SYCL_*", "XLA_*",
    # threads, MPI, networks, memory
    "OMP_*", "GOMP_*", "KMP_*", "MKL_*", "OPENBLAS_*", "BLIS_*", "NUMEXPR_*", "OMPI_*", "PMIX_*",
    "PRTE_*", "PMI_*", "PMI*_*", "MPI_*", "MPICH_*", "MPIR_*", "I_MPI_*", "HYDRA_*", "MV2_*",
    "MVP_*", "UCX_*", "UCC_*", "FI_*", "GLOO_*", "HCOLL_*", "CRAY_*", "PE_*", "MALLOC_*",
    # where things are looked for
    "PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "LIBRARY_PATH", "CPATH", "MANPATH", "PKG_CONFIG_PATH",
    "CMAKE_PREFIX_PATH", "PYTHON*", "R_LIBS*", "R_HOME", "JULIA_*", "PERL5LIB", "CLASSPATH",
    "JAVA_HOME", "HOME", "PWD", "SHELL", "USER", "LOGNAME", "HOSTNAME", "TMPDIR", "SCRATCH",
    "WORK", "LANG", "LANGUAGE", "LC_*", "TZ",
    # where software comes from
    "CONDA_*", "MAMBA_*", "VIRTUAL_ENV", "UV_*", "PIXI_*", "POETRY_*", "PIP_*", "SPACK_*",
    "EASYBUILD_*", "EBROOT*", "EBVERSION*", "EBDEVEL*", "MODULEPATH", "MODULESHOME",
    "MODULES_*", "LOADEDMODULES", "_LMFILES_*", "LMOD_*", "APPTAINER_*", "SINGULARITY_*",
    "PODMAN_*", "ENROOT_*", "PYXIS_*", "CC", "CXX", "FC", "CFLAGS", "CXXFLAGS", "FFLAGS", "LDFLAGS",
    # frameworks
    "HF_*", "HUGGINGFACE_*", "TRANSFORMERS_*", "DATASETS_*", "TOKENIZERS_*", "ACCELERATE_*",
    "TORCH*", "PYTORCH_*", "TF_*", "TENSORFLOW_*", "KERAS_*", "JAX_*", "TRITON_*", "DEEPSPEED_*",
    "DS_*", "MEGATRON_*", "RAY_*", "DASK_*", "HYDRA_FULL_ERROR", "WANDB_*", "MLFLOW_*",
    "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE",
    "NODE_RANK", "HDF5_*", "NETCDF_*", "YPROV_*",
)  # fmt: skip
# Lmod's table of what is loaded, in base64: `modules` reads it, here it would only be noise.
_LEFT_OUT = ("_ModuleTable*", "__LMOD_REF_COUNT_*", "BASH_FUNC_*", "__MODULES_*")
_MAX_VALUE = 16_384
_MAX_VARIABLES = 10_000


def take(scene: Scene) -> Captured:
    """Return the variables of the launched command that are worth keeping."""
    patterns = [*scene.env_patterns, *_configured(scene)]
    return select(scene.environ, ["*" if pattern == "all" else pattern for pattern in patterns])


def _configured(scene: Scene) -> tuple[str, ...]:
    """Return the patterns of the configuration files; none where these are broken."""
    try:
        found = config.load(config.files(scene.environ, Path(scene.cwd))).get("env")
    except YprovError:
        return ()  # said before the launch
    return found if isinstance(found, tuple) else ()


def select(environ: Mapping[str, str], extra: Sequence[str] = ()) -> Captured:
    """Return the variables that the patterns name, sorted; a pattern `*` names all.

    Values are cut to 16,384 characters; credentials are replaced before they are cut.
    """
    wanted = _matcher((*PATTERNS, *extra))
    left_out = _matcher(() if "*" in extra else _LEFT_OUT)
    names = [name for name in sorted(environ) if wanted(name) and not left_out(name)]
    variables, cut = {}, []
    for name in names[:_MAX_VARIABLES]:
        value = redact_variable(name, environ[name])
        if len(value) > _MAX_VALUE:
            value = value[:_MAX_VALUE]
            cut.append(name)
        variables[name] = value
    return Captured(variables, len(environ) - len(variables), tuple(cut))


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a name is as one of these patterns; case counts, as in the environment."""
    whole = re.compile("|".join(map(fnmatch.translate, patterns)) or r"\b\B")
    return lambda name: whole.match(name) is not None
