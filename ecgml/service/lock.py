"""A lock in the model registry, shared by all processes and hosts that use the registry.

The one atomic operation of MLflow's registry is creating a registered model: it is refused under a name that exists.
Locks are registered models named ``<name>.lock.<number>``, and the highest number is the lock:

* Acquiring it creates the next number. Of two processes that try at once, one is refused. The highest number is never
  deleted, so a process that read an older state either finds the name taken, or sees a higher number in the check that
  follows at once.
* Releasing it marks it free. Numbers only rise; a holder marks what it writes with its number.
* A thread renews it. An expired lock that is not renewed while watched (clocks differ) is taken over, and at once one
  whose process is known to have ended.
* A holder that was delayed, stopped or disconnected checks before each write that the highest number is still its own,
  and writes nothing if it is not.
"""

from __future__ import annotations

import contextlib
import getpass
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient

from ecgml.errors import PromotionError
from ecgml.owner import is_alive, process_identity
from ecgml.service.runs import pages

LEASE_S = 60.0
"""Time after which a lock that is not renewed expires, s."""

RENEW_S = 5.0
"""Interval of renewals, s."""

WATCH_S = 2.5 * RENEW_S
"""Time for which an expired lock is watched before it is taken over, s: a clock that is ahead sees live ones expire."""

MARGIN_S = 10.0
"""Time before expiry at which a holder that could not renew the lock stops writing, s."""


@dataclass(frozen=True)
class _LockState:
    """A lock as the registry shows it."""

    number: int
    tags: dict[str, str]

    @property
    def is_free(self) -> bool:
        return self.tags.get("state") == "free"

    def who(self) -> str:
        return f"{self.tags.get('login', 'somebody')} on {self.tags.get('host', 'an unknown host')}"

    def expires_s(self) -> float:
        """Return when it expires, seconds since 1970; 0 if unknown."""
        try:
            return float(self.tags["expires"])
        except (KeyError, ValueError):
            return 0.0


class Lock:
    """A lock, held within a ``with`` block.

    Parameters
    ----------
    name : str
        What is locked.
    above : int
        Its number is higher than this, even if somebody deleted earlier locks.
    lease_s, renew_s, watch_s : float
        As :data:`LEASE_S`, :data:`RENEW_S` and :data:`WATCH_S`.

    Raises
    ------
    PromotionError
        On entry, if somebody else holds it.
    """

    def __init__(
        self,
        name: str,
        above: int = 0,
        *,
        lease_s: float = LEASE_S,
        renew_s: float = RENEW_S,
        watch_s: float = WATCH_S,
    ) -> None:
        self.number = 0
        self._name, self._above = name, above
        self._lease_s, self._renew_s, self._watch_s = lease_s, renew_s, watch_s
        self._client = MlflowClient()
        self._token = uuid.uuid4().hex
        self._good_until = 0.0
        self._lost = ""
        self._ended = threading.Event()
        self._renewer: threading.Thread | None = None

    def __enter__(self) -> Lock:
        locks = self._locks()
        if locks and not locks[-1].is_free:
            self._refuse_if_alive(locks[-1])
        number = max(self._above, locks[-1].number if locks else 0) + 1
        requested_at = time.monotonic()
        is_created = self._create(number)
        locks = self._locks()
        if not is_created or not locks or locks[-1].number != number:
            if is_created:
                self._delete(number)
            holder = locks[-1].who() if locks else "somebody"
            raise PromotionError(f"{self._name}: {holder} took the lock first; try again when it is done")
        self.number, self._good_until = number, requested_at + self._lease_s
        for lock in locks[:-1]:
            self._delete(lock.number)
        self._renewer = threading.Thread(target=self._renew, daemon=True)
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._renewer:
            self._renewer.join()
        # If this fails, the lock is taken over as that of a process that is gone.
        with contextlib.suppress(MlflowException, OSError):
            self._client.set_registered_model_tag(self._path(self.number), "state", "free")

    def check(self) -> None:
        """Make sure that the lock is still held; to be called before each write.

        Raises
        ------
        PromotionError
            If it is not, or the registry does not answer.
        """
        if not self._lost and time.monotonic() > self._good_until - min(MARGIN_S, self._lease_s / 4):
            self._lost = "it could not be renewed in time"
        if not self._lost:
            locks = self._locks()
            if not locks or locks[-1].number != self.number:
                self._lost = f"{locks[-1].who()} took it over" if locks else "somebody deleted it"
        if self._lost:
            raise PromotionError(
                f"{self._name}: the lock was lost ({self._lost}); nothing more was written; look at ecgml history"
            )

    def _path(self, number: int) -> str:
        return f"{self._name}.lock.{number}"

    def _locks(self) -> list[_LockState]:
        """Return the existing locks, sorted by number."""
        selection = f"name LIKE '{self._path(0)[:-1]}%'"
        models = pages(lambda token: self._client.search_registered_models(selection, page_token=token))
        numbers = [(model.name.rpartition(".")[2], model) for model in models]
        locks = [_LockState(int(number), dict(model.tags)) for number, model in numbers if number.isdecimal()]
        return sorted(locks, key=lambda lock: lock.number)

    def _refuse_if_alive(self, held: _LockState) -> None:
        if is_alive(held.tags.get("owner", "")) is False:
            return
        left_s = held.expires_s() - time.time()
        if left_s <= 0:
            time.sleep(self._watch_s)
            locks = self._locks()
            if locks and locks[-1] == held:
                return
        since = _clock(held.tags.get("since", ""))
        raise PromotionError(
            f"{self._name}: {held.who()} holds the lock{since}; try again when that is done, or, if that process "
            f"has ended, in {max(left_s, self._lease_s / 4):.0f} s"
        )

    def _create(self, number: int) -> bool:
        """Create the lock of a number; return whether this process did."""
        tags = {
            "state": "held",
            "token": self._token,
            "login": login(),
            "host": socket.gethostname(),
            "owner": process_identity(),
            "since": f"{time.time():.0f}",
            "expires": f"{time.time() + self._lease_s:.2f}",
        }
        description = "Lock of `ecgml promote` and `ecgml rollback`, no model; its tag `state` says whether it is held."
        try:
            self._client.create_registered_model(self._path(number), tags, description)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
            # A request repeated after its answer was lost finds the name that it created.
            return any(lock.number == number and lock.tags.get("token") == self._token for lock in self._locks())
        return True

    def _delete(self, number: int) -> None:
        with contextlib.suppress(MlflowException):
            self._client.delete_registered_model(self._path(number))

    def _renew(self) -> None:
        while not self._ended.wait(self._renew_s):
            requested_at = time.monotonic()
            try:
                self._client.set_registered_model_tag(
                    self._path(self.number), "expires", f"{time.time() + self._lease_s:.2f}"
                )
            except MlflowException as error:
                if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                    self._lost = "another process took it over"
                    return
            except OSError:
                continue  # the server may answer later
            else:
                self._good_until = requested_at + self._lease_s


def login() -> str:
    """Return the name of the user logged in here; ``"unknown"`` if the system does not give one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _clock(since: str) -> str:
    try:
        return f" since {datetime.fromtimestamp(float(since), UTC):%H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return ""
