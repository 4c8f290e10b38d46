"""A lock in the model registry: one holder among all processes and hosts that share it.

MLflow's registry has one operation that is refused when somebody else was first: creating a registered model under a
name that exists. Locks are registered models named ``<name>.lock.<number>``, and the highest number is the lock:

* Taking it creates the next number. Of two takers, of a free lock or of a dead one, one is refused. The highest number
  is never deleted, so a taker who read an older state either meets the name, or sees a higher one when it looks again,
  which it does before it does anything else.
* Giving it back marks it free. Numbers only rise: each holder's is its own, and marks what it writes.
* It runs out unless renewed, which a thread does. One that ran out, and stays silent while watched (clocks differ), is
  taken over; so is, at once, one whose process is known to have ended.
* A holder that was slow, stopped or cut off looks before each write whether the highest number is still its own, and
  writes nothing if it is not.
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
from ecgml.owner import is_alive, own_identity
from ecgml.service.runs import pages

LEASE_S = 60.0
"""A lock that was not renewed for so long has run out, s."""

RENEW_S = 5.0
"""It is renewed so often, s."""

WATCH_S = 2.5 * RENEW_S
"""A lock that ran out is watched for so long before it is taken, s: to a clock that is ahead, live ones run out."""

MARGIN_S = 10.0
"""So long before its lock runs out a holder that could not renew it stops writing, s."""


@dataclass(frozen=True)
class _Seen:
    """A lock as the registry shows it."""

    number: int
    tags: dict[str, str]

    @property
    def is_free(self) -> bool:
        return self.tags.get("state") == "free"

    def who(self) -> str:
        return f"{self.tags.get('login', 'somebody')} on {self.tags.get('host', 'an unknown host')}"

    def runs_out_s(self) -> float:
        """Return when it runs out, seconds since 1970; of one that does not say so, long ago."""
        try:
            return float(self.tags["expires"])
        except (KeyError, ValueError):
            return 0.0


class Lock:
    """Held within a ``with`` block.

    Parameters
    ----------
    name : str
        What is locked.
    above : int
        Its number is higher than this: what was written under earlier ones stays distinct even where somebody deleted
        the locks.
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
        seen = self._seen()
        if seen and not seen[-1].is_free:
            self._refuse_if_alive(seen[-1])
        number = max(self._above, seen[-1].number if seen else 0) + 1
        asked = time.monotonic()
        ours = self._create(number)
        now = self._seen()
        if not ours or not now or now[-1].number != number:
            if ours:
                self._delete(number)
            who = now[-1].who() if now else "somebody"
            raise PromotionError(f"{self._name}: {who} took the lock first; try again when it is done")
        self.number, self._good_until = number, asked + self._lease_s
        for old in now[:-1]:
            self._delete(old.number)
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
            If it is not, or that cannot be told.
        """
        if not self._lost and time.monotonic() > self._good_until - min(MARGIN_S, self._lease_s / 4):
            self._lost = "it could not be renewed in time"
        if not self._lost:
            seen = self._seen()
            if not seen or seen[-1].number != self.number:
                self._lost = f"{seen[-1].who()} took it over" if seen else "somebody deleted it"
        if self._lost:
            raise PromotionError(
                f"{self._name}: the lock was lost ({self._lost}); nothing more was written; look at ecgml history"
            )

    def _path(self, number: int) -> str:
        return f"{self._name}.lock.{number}"

    def _seen(self) -> list[_Seen]:
        """Return the locks that there are, by number."""
        selection = f"name LIKE '{self._path(0)[:-1]}%'"
        found = pages(lambda token: self._client.search_registered_models(selection, page_token=token))
        numbers = [(model.name.rpartition(".")[2], model) for model in found]
        locks = [_Seen(int(number), dict(model.tags)) for number, model in numbers if number.isdecimal()]
        return sorted(locks, key=lambda one: one.number)

    def _refuse_if_alive(self, held: _Seen) -> None:
        if is_alive(held.tags.get("owner", "")) is False:
            return
        left_s = held.runs_out_s() - time.time()
        if left_s <= 0:
            time.sleep(self._watch_s)
            again = self._seen()
            if again and again[-1] == held:
                return
        since = _clock(held.tags.get("since", ""))
        raise PromotionError(
            f"{self._name}: {held.who()} has been at it{since}; try again when that is done, or, should that process "
            f"be gone, in {max(left_s, self._lease_s / 4):.0f} s"
        )

    def _create(self, number: int) -> bool:
        """Create the name; return whether it is ours."""
        tags = {
            "state": "held",
            "token": self._token,
            "login": login(),
            "host": socket.gethostname(),
            "owner": own_identity(),
            "since": f"{time.time():.0f}",
            "expires": f"{time.time() + self._lease_s:.2f}",
        }
        said = "Lock of `ecgml promote` and `ecgml rollback`, no model; its tag `state` says whether it is held."
        try:
            self._client.create_registered_model(self._path(number), tags, said)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
            # A request that was sent again after its answer got lost meets what it made.
            return any(one.number == number and one.tags.get("token") == self._token for one in self._seen())
        return True

    def _delete(self, number: int) -> None:
        with contextlib.suppress(MlflowException):
            self._client.delete_registered_model(self._path(number))

    def _renew(self) -> None:
        while not self._ended.wait(self._renew_s):
            asked = time.monotonic()
            try:
                self._client.set_registered_model_tag(
                    self._path(self.number), "expires", f"{time.time() + self._lease_s:.2f}"
                )
            except MlflowException as error:
                if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                    self._lost = "somebody took it over"
                    return
            except OSError:
                continue  # a server that does not answer now may do so later
            else:
                self._good_until = asked + self._lease_s


def login() -> str:
    """Return who is logged in here; ``"unknown"`` where the system does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _clock(since: str) -> str:
    try:
        return f" since {datetime.fromtimestamp(float(since), UTC):%H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return ""
