"""The log of promotions, and moves of aliases that can be completed after a kill between any two steps.

The log is tags of the registered model, ``ecgml.log.<number>``, one a decision, numbered by the lock under which it was
written. A move of aliases is logged first, as an intent with both aliases' old and new versions; then the
aliases move, the version is tagged, the run of the record is closed, the entry is marked done. Each step may be
repeated, so the next holder of the lock, which finds an unfinished intent, repeats them: see
:meth:`PromotionLog.repair`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.service.record_run import DESCRIPTION, PENDING
from ecgml.service.registry import CHAMPION, PREVIOUS, REGISTERED_MODEL

LOG = "ecgml.log."
"""Prefix of the registered model's tags that are the log."""

RECORD = "promotion."
"""Prefix of the tags that show a record on its run and on its version."""

INTENT, DONE, UNDONE = "intent", "done", "undone"

PROMOTED, FORCED, REFUSED, ROLLED_BACK = "promoted", "forced", "refused", "rolled back"


@dataclass(frozen=True)
class Entry:
    """A decision; versions are ``""`` where there is none."""

    number: int
    decision: str
    """``promoted``, ``forced``, ``refused`` or ``rolled back``."""
    version: str
    """The challenger, or the version restored."""
    when: str
    """ISO 8601, UTC."""
    by: str
    """``login@host``."""
    run_id: str
    """The run that stores the record."""
    champion_before: str = ""
    previous_before: str = ""
    champion_after: str = ""
    previous_after: str = ""
    state: str = INTENT
    """``intent``, ``done`` or ``undone``."""
    why: str = ""
    test_digest: str = ""
    """Digest of the compared records."""
    test_uses: int = 0
    """Number of decisions based on them, including this one."""
    summary: str = ""
    notes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str, number: int) -> Entry:
        """Parse the result of :meth:`to_text`.

        Raises
        ------
        ValueError
            If it is anything else.
        """
        content = json.loads(text)
        types = {field.name: str for field in fields(cls)} | {"number": int, "test_uses": int, "notes": list}
        if not isinstance(content, dict) or content.get("number") != number:
            raise ValueError("not an entry")
        known = {name: value for name, value in content.items() if name in types}
        if any(not isinstance(value, types[name]) for name, value in known.items()):
            raise ValueError("a field has the wrong type")
        try:
            return cls(**{**known, "notes": tuple(map(str, known.get("notes", ())))})
        except TypeError as error:
            raise ValueError(str(error)) from None


@dataclass(frozen=True)
class Registry:
    """Snapshot of the registry: aliases, versions and log."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    versions: frozenset[str] = frozenset()
    entries: tuple[Entry, ...] = ()
    """Oldest first."""
    unreadable: tuple[int, ...] = ()
    """Numbers of log entries that cannot be read."""

    @property
    def champion(self) -> str:
        """The version of the alias ``champion``; ``""`` if none."""
        return self.aliases.get(CHAMPION, "")

    @property
    def previous(self) -> str:
        """The version of the alias ``previous``; ``""`` if none."""
        return self.aliases.get(PREVIOUS, "")

    @property
    def pending(self) -> Entry | None:
        """The unfinished move of aliases, if any."""
        return next((entry for entry in reversed(self.entries) if entry.state == INTENT), None)

    @property
    def last_number(self) -> int:
        """The highest number in the log, readable or not."""
        return max([entry.number for entry in self.entries] + list(self.unreadable), default=0)

    def line(self) -> list[str]:
        """Return the current succession of champions, oldest first; a rollback removes the last."""
        champions: list[str] = []
        for entry in self.entries:
            if entry.state != DONE or entry.decision == REFUSED:
                continue
            # Champions missing from the log were set by hand, and count.
            if entry.champion_before and champions[-1:] != [entry.champion_before]:
                if not champions and entry.previous_before:
                    champions.append(entry.previous_before)
                champions.append(entry.champion_before)
            if entry.decision == ROLLED_BACK:
                while champions and champions[-1] != entry.champion_after:
                    champions.pop()
                champions = champions or [entry.champion_after]
            else:
                champions.append(entry.champion_after)
        if self.champion and champions[-1:] != [self.champion]:
            if not champions and self.previous:
                champions.append(self.previous)
            champions.append(self.champion)
        return champions

    def earlier(self) -> list[str]:
        """Return the versions that a rollback can restore, most recent first: earlier champions that still exist."""
        champions = self.line()
        if self.champion:
            champions = champions[:-1]
        restorable = [
            version for version in reversed(champions) if version in self.versions and version != self.champion
        ]
        return list(dict.fromkeys(restorable))

    def complaints(self) -> list[str]:
        """Return disagreements between log, aliases and versions, each a line with its remedy."""
        complaints = [
            f"log entry {number} cannot be read and is ignored: tag {LOG}{number:06d} of {REGISTERED_MODEL} was "
            "changed by hand"
            for number in self.unreadable
        ]
        moves = [entry for entry in self.entries if entry.state == DONE and entry.decision != REFUSED]
        restorable = self.earlier()
        remedy = (
            f"go back to version {restorable[0]} with ecgml rollback, or promote one" if restorable else "promote one"
        )
        if not moves:
            if self.champion:
                complaints.append(
                    f"champion is version {self.champion}, but no promotion is in the log: the alias was set by hand"
                )
            return complaints
        champion, previous = moves[-1].champion_after, moves[-1].previous_after
        if self.champion != champion:
            if self.champion:
                problem = f"is version {self.champion}, but the log says {champion}: it was set by hand and is accepted"
            elif champion in self.versions:
                problem = f"is no version, but the log says {champion}: the alias was deleted; {remedy}"
            else:
                problem = f"is no version: version {champion} was deleted from the registry; {remedy}"
            complaints.append(f"champion {problem}")
        if self.previous != previous:
            if previous and previous not in self.versions:
                remedy = (
                    f"ecgml rollback would go to version {restorable[0]}"
                    if restorable
                    else "ecgml rollback has nowhere to go"
                )
                complaints.append(f"previous is no version: version {previous} was deleted from the registry; {remedy}")
            else:
                current = f"version {self.previous}" if self.previous else "no version"
                complaints.append(
                    f"previous is {current}, but the log says {previous or 'none'}: it was changed by hand"
                )
        return complaints


class PromotionLog:
    """Reads and writes the log and the aliases.

    Parameters
    ----------
    fence : callable
        Called before each write; raises if the lock was lost.
    """

    def __init__(self, fence: Callable[[], None]) -> None:
        self._client = MlflowClient()
        self._fence = fence

    def carry_out(self, entry: Entry) -> None:
        """Log an entry as an intent, move the aliases accordingly, mark it done, close its run.

        A refusal moves nothing and is written as done.
        """
        with registry_errors():
            if entry.decision == REFUSED:
                self._tag_version(entry)
                self._close(entry)
                self._write(replace(entry, state=DONE))
                return
            self._write(replace(entry, state=INTENT))
            self._finish(entry)

    def repair(self) -> str:
        """Complete or undo a move of aliases that a process left unfinished; return what was done.

        It is finished unless the version is gone or somebody has set the alias by hand since: then it is taken back
        as far as it went, or left as it is.
        """
        with registry_errors():
            now = read_registry(self._client)
            entry = now.pending
            if entry is None:
                return ""
            what = f"{entry.decision} version {entry.version} (log entry {entry.number}, by {entry.by})"
            by_hand = now.champion not in (entry.champion_before, entry.champion_after)
            if not by_hand and entry.champion_after in now.versions:
                self._finish(entry)
                return f"completed an unfinished {what}"
            if not by_hand:
                for alias, version in ((CHAMPION, entry.champion_before), (PREVIOUS, entry.previous_before)):
                    self._point(alias, version if version in now.versions else "")
            reason = "the champion has since been set by hand" if by_hand else "the version has since been deleted"
            self._close(entry)
            self._write(replace(entry, state=UNDONE, notes=(*entry.notes, reason)))
            return f"undid an unfinished {what}; {reason}"

    def _finish(self, entry: Entry) -> None:
        self._point(PREVIOUS, entry.previous_after)
        self._point(CHAMPION, entry.champion_after)
        self._tag_version(entry)
        self._close(entry)
        self._write(replace(entry, state=DONE))

    def _write(self, entry: Entry) -> None:
        self._fence()
        self._client.set_registered_model_tag(REGISTERED_MODEL, f"{LOG}{entry.number:06d}", entry.to_text())

    def _point(self, alias: str, version: str) -> None:
        self._fence()
        if version:
            self._client.set_registered_model_alias(REGISTERED_MODEL, alias, version)
        else:
            self._client.delete_registered_model_alias(REGISTERED_MODEL, alias)

    def _tag_version(self, entry: Entry) -> None:
        """Copy the record's tags from its run to the version; a rollback keeps the earlier ones and adds a note."""
        if entry.decision == ROLLED_BACK:
            note = f"log entry {entry.number}, {entry.when}, by {entry.by}{f': {entry.why}' if entry.why else ''}"
            for name, version in (("rolled_back_to", entry.version), ("rolled_back_from", entry.champion_before)):
                with contextlib.suppress(MlflowException):  # that version may be deleted
                    self._fence()
                    self._client.set_model_version_tag(REGISTERED_MODEL, version, f"{RECORD}{name}", note)
            return
        try:
            shown = self._client.get_run(entry.run_id).data.tags
        except MlflowException:
            shown = {f"{RECORD}decision": entry.decision}  # somebody deleted the run
        tags = {name: value for name, value in shown.items() if name.startswith(RECORD)}
        tags[f"{RECORD}run"] = entry.run_id
        # An earlier decision's tags would be taken for this one's.
        for name in self._client.get_model_version(REGISTERED_MODEL, entry.version).tags:
            if name.startswith(RECORD) and name not in tags:
                self._fence()
                self._client.delete_model_version_tag(REGISTERED_MODEL, entry.version, name)
        for name, value in sorted(tags.items()):
            self._fence()
            self._client.set_model_version_tag(REGISTERED_MODEL, entry.version, name, value)

    def _close(self, entry: Entry) -> None:
        with contextlib.suppress(MlflowException):
            page = self._client.get_run(entry.run_id).data.tags.get(DESCRIPTION, "")
            self._client.set_tag(entry.run_id, DESCRIPTION, page.removeprefix(PENDING))
            self._client.set_terminated(entry.run_id, "FINISHED")


def read_registry(client: MlflowClient | None = None) -> Registry:
    """Read aliases, versions and log of the registered model; all empty where there is none.

    Raises
    ------
    TrackingError
        If the registry does not answer.
    """
    from ecgml.service.registry import versions_of_model

    client = client or MlflowClient()
    with registry_errors():
        try:
            model = client.get_registered_model(REGISTERED_MODEL)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                raise
            return Registry()
        versions = frozenset(str(version.version) for version in versions_of_model(client))
    entries, unreadable = [], []
    for name, text in sorted(model.tags.items()):
        if name.startswith(LOG) and name.removeprefix(LOG).isdecimal():
            number = int(name.removeprefix(LOG))
            try:
                entries.append(Entry.from_text(text, number))
            except ValueError:
                unreadable.append(number)
    aliases = {name: str(version) for name, version in model.aliases.items()}
    return Registry(aliases, versions, tuple(entries), tuple(unreadable))


@contextlib.contextmanager
def registry_errors() -> Iterator[None]:
    """Turn the registry's errors into one line."""
    try:
        yield
    except (MlflowException, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise TrackingError(f"{REGISTERED_MODEL}: the registry refused: {first_line}") from None
