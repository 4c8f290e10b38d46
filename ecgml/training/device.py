"""Choose device and precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ecgml.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """Return the named device, or for ``"auto"`` the first available of CUDA, MPS and CPU.

    Raises
    ------
    ConfigError
        If the name is no device, or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device: {name!r} is unknown; one of auto, cpu, cuda, cuda:N, mps") from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"device: {name!r} is not supported; one of auto, cpu, cuda, cuda:N, mps")
    n_cuda = torch.cuda.device_count() if device.type == "cuda" else 0
    if device.type == "cuda" and (device.index or 0) >= n_cuda:
        raise ConfigError(f"device: {name!r} is not available; CUDA devices: {n_cuda}; pass --device cpu or auto")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(f"device: {name!r} is not available; pass --device cpu or auto")
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the trunk's matrix products; for ``"auto"`` bfloat16 where the hardware multiplies it.

    A CPU without bfloat16 instructions converts back and forth and loses by it; one with them trained 1.4 to 1.8 times
    as fast.
    """
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cuda":
        gains = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        gains = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        gains = False
    return torch.bfloat16 if gains else torch.float32


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread on the CPU: small batches gain nothing by two, and processes may run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
