"""Follow an alias: a new version is tested beside the old one and takes over between batches."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from ecgml.errors import EcgmlError
from ecgml.server.loading import ServedModel, open_model
from ecgml.server.monitoring import Monitor
from ecgml.service.address import moves, pin

TRIAL_TIMEOUT_S = 300.0

_log = logging.getLogger(__name__)


class Follower:
    """Looks up an alias and replaces the model when it moves.

    Parameters
    ----------
    model : ServedModel
        The current model.
    swap : callable
        Called with the new model.
    device : str
    monitor : Monitor
    """

    def __init__(self, model: ServedModel, swap: Callable[[ServedModel], None], device: str, monitor: Monitor) -> None:
        self.model = model
        self.refused: dict[str, str] = {}
        """Versions that failed to load or answer, with the reason."""
        self._swap = swap
        self._device = device
        self._monitor = monitor
        self._lock = asyncio.Lock()

    async def run(self, poll_s: float) -> None:
        """Look up the alias repeatedly until cancelled."""
        if not poll_s or not moves(self.model.address):
            return
        while True:
            await asyncio.sleep(poll_s)
            await self.look()

    async def look(self) -> None:
        """Look up the alias once; if the registry is unreachable, nothing changes."""
        async with self._lock:
            try:
                pinned, version = await asyncio.to_thread(pin, self.model.address)
            except EcgmlError as error:
                self._monitor.unreachable.set(1)
                _log.warning("the registry is unreachable, %s continues to answer: %s", self.model.pinned, error)
                return
            self._monitor.unreachable.set(0)
            if pinned == self.model.pinned or pinned in self.refused:
                return
            try:
                self.model = await self._tried(pinned, version)
            except EcgmlError as error:
                self.refused[pinned] = str(error)
                self._monitor.refused_versions.inc()
                _log.error("%s is refused, %s continues to answer: %s", pinned, self.model.pinned, error)
                return
            self._swap(self.model)
            _log.info("%s answers now", pinned)

    async def _tried(self, pinned: str, version: str | None) -> ServedModel:
        with TemporaryDirectory(prefix="ecgml-") as folder:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ecgml.server.trial", pinned, folder),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                out, errors = await asyncio.wait_for(process.communicate(), TRIAL_TIMEOUT_S)
            except TimeoutError:
                raise EcgmlError(f"did not load and answer within {TRIAL_TIMEOUT_S:g} s") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if process.returncode:
                lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
                raise EcgmlError(lines[-1][:300] if lines else f"exit code {process.returncode} in its trial")
            checkpoint = Path(out.decode().splitlines()[-1])
            return await asyncio.to_thread(open_model, self.model.address, pinned, version, checkpoint, self._device)
