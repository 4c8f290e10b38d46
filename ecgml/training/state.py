"""Read and write the state of a training, for resuming."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ecgml.errors import CheckpointError
from ecgml.saving import whole_file


def write_state(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON-ready facts to a file, completely or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made.
    tensors : mapping of str to Tensor
    facts : mapping
        JSON-ready.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    content = {name: value.contiguous() for name, value in tensors.items()}
    try:
        with whole_file(path) as partial:
            save_file(content, partial, {"facts": json.dumps(facts)})
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror or error}") from None


def read_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_state` wrote.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path}: does not exist") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged ({error})") from None
