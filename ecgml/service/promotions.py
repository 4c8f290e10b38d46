"""The log of promotions, and how aliases are moved so that a kill between any two steps can be made good.

The log is tags of the registered model, ``ecgml.log.<number>``, one a decision, numbered by the lock under which it was
written. A move of aliases is written there first, as an intent that says where both aliases were and will be; then the
aliases move, the version is tagged, the run of the record is closed, the entry is marked done. All of these may be done
twice, so whoever finds an intent whose writer is gone (he could not hold the lock otherwise) does them again: see
:meth:`PromotionLog.repair`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient

from ecgml.errors import TrackingError
from ecgml.service.record_run import DESCRIPTION, PENDING
from ecgml.service.registry import CHAMPION, PREVIOUS, REGISTERED_MODEL

LOG = "ecgml.log."
"""Prefix of the registered model's tags that are the log."""

RECORD = "promotion."
"""Prefix of the tags by which a record's run, and the version it is about, show it."""

INTENT, DONE, UNDONE = "intent", "done", "undone"

PROMOTED, FORCED, REFUSED, ROLLED_BACK = "promoted", "forced", "refused", "rolled back"


@dataclass(frozen=True)
class Entry:
    """A decision. Versions are ``""`` where there is none."""

    number: int
    decision: str
    """``promoted``, ``forced``, ``refused`` or ``rolled back``."""
    version: str
    """What it is about: the challenger, or the version gone back to."""
    when: str
    """ISO 8601, UTC."""
    by: str
    """``login@host``."""
    run_id: str
    """The run that holds the record."""
    champion_before: str = ""
    previous_before: str = ""
    champion_after: str = ""
    previous_after: str = ""
    state: str = INTENT
    """``intent``, ``done`` or ``undone``."""
    why: str = ""
    test_digest: str = ""
    """Of the records that were compared."""
    test_uses: int = 0
    """How many decisions they have served for, this one included."""
    summary: str = ""
    notes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str, number: int) -> Entry:
        """Read what :meth:`to_text` wrote.

        Raises
        ------
        ValueError
            If it is something else.
        """
        content = json.loads(text)
        kinds = {one.name: str for one in fields(cls)} | {"number": int, "test_uses": int, "notes": list}
        if not isinstance(content, dict) or content.get("number") != number:
            raise ValueError("not an entry")
        known = {name: value for name, value in content.items() if name in kinds}
        if any(not isinstance(value, kinds[name]) for name, value in known.items()):
            raise ValueError("a field is of another kind")
        try:
            return cls(**{**known, "notes": tuple(map(str, known.get("notes", ())))})
        except TypeError as error:
            raise ValueError(str(error)) from None


@dataclass(frozen=True)
class Registry:
    """What the registry shows at one moment."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    versions: frozenset[str] = frozenset()
    entries: tuple[Entry, ...] = ()
    """Oldest first."""
    unreadable: tuple[int, ...] = ()
    """Numbers of log entries that are none of ours."""

    @property
    def champion(self) -> str:
        """The version that the alias names; ``""`` if none."""
        return self.aliases.get(CHAMPION, "")

    @property
    def previous(self) -> str:
        """Likewise."""
        return self.aliases.get(PREVIOUS, "")

    @property
    def pending(self) -> Entry | None:
        """The move of aliases that was begun and not finished."""
        return next((entry for entry in reversed(self.entries) if entry.state == INTENT), None)

    @property
    def last_number(self) -> int:
        """The highest number in the log, readable or not."""
        return max([entry.number for entry in self.entries] + list(self.unreadable), default=0)

    def line(self) -> list[str]:
        """Return the champions that stand, oldest first: a rollback takes the last away and goes to the one before."""
        standing: list[str] = []
        for entry in self.entries:
            if entry.state != DONE or entry.decision == REFUSED:
                continue
            # What the log does not explain was done by hand, and stood all the same.
            if entry.champion_before and standing[-1:] != [entry.champion_before]:
                if not standing and entry.previous_before:
                    standing.append(entry.previous_before)
                standing.append(entry.champion_before)
            if entry.decision == ROLLED_BACK:
                while standing and standing[-1] != entry.champion_after:
                    standing.pop()
                standing = standing or [entry.champion_after]
            else:
                standing.append(entry.champion_after)
        if self.champion and standing[-1:] != [self.champion]:
            if not standing and self.previous:
                standing.append(self.previous)
            standing.append(self.champion)
        return standing

    def earlier(self) -> list[str]:
        """Return the versions that a rollback can go to, nearest first: champions before this one that still exist."""
        standing = self.line()
        if self.champion:
            standing = standing[:-1]
        there = [version for version in reversed(standing) if version in self.versions and version != self.champion]
        return list(dict.fromkeys(there))

    def complaints(self) -> list[str]:
        """Return what does not agree between log, aliases and versions, and what to do, a line each."""
        found = [
            f"log entry {number} cannot be read and is passed over: tag {LOG}{number:06d} of {REGISTERED_MODEL} was "
            "changed by hand"
            for number in self.unreadable
        ]
        moved = [one for one in self.entries if one.state == DONE and one.decision != REFUSED]
        back = self.earlier()
        remedy = f"go back to version {back[0]} with ecgml rollback, or promote one" if back else "promote one"
        if not moved:
            if self.champion:
                found.append(
                    f"champion is version {self.champion}, but no promotion is in the log: the alias was set by hand"
                )
            return found
        champion, previous = moved[-1].champion_after, moved[-1].previous_after
        if self.champion != champion:
            if self.champion:
                how = f"is version {self.champion}, but the log says {champion}: it was set by hand, and is taken as is"
            elif champion in self.versions:
                how = f"is no version, but the log says {champion}: the alias was deleted; {remedy}"
            else:
                how = f"is no version: version {champion} was deleted from the registry; {remedy}"
            found.append(f"champion {how}")
        if self.previous != previous:
            if previous and previous not in self.versions:
                where = f"ecgml rollback would go to version {back[0]}" if back else "ecgml rollback has nowhere to go"
                found.append(f"previous is no version: version {previous} was deleted from the registry; {where}")
            else:
                now = f"version {self.previous}" if self.previous else "no version"
                found.append(f"previous is {now}, but the log says {previous or 'none'}: it was changed by hand")
        return found


class PromotionLog:
    """Reads and writes the log and the aliases.

    Parameters
    ----------
    fence : callable
        Called before each write; raises where the lock was lost.
    """

    def __init__(self, fence: Callable[[], None]) -> None:
        self._client = MlflowClient()
        self._fence = fence

    def carry_out(self, entry: Entry) -> None:
        """Write an entry as an intent, move the aliases as it says, mark it done, close its run.

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
        """Finish, or take back, a move of aliases that was begun by somebody who is gone; return what was done.

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
                return f"completed what was begun and not finished: {what}"
            if not by_hand:
                for alias, version in ((CHAMPION, entry.champion_before), (PREVIOUS, entry.previous_before)):
                    self._point(alias, version if version in now.versions else "")
            reason = "the champion was set by hand since" if by_hand else "the version was deleted since"
            self._close(entry)
            self._write(replace(entry, state=UNDONE, notes=(*entry.notes, reason)))
            return f"took back what was begun and not finished: {what}; {reason}"

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
        """Copy the record's tags from its run to the version; a rollback leaves what was decided, and adds itself."""
        if entry.decision == ROLLED_BACK:
            said = f"log entry {entry.number}, {entry.when}, by {entry.by}{f': {entry.why}' if entry.why else ''}"
            for name, version in (("rolled_back_to", entry.version), ("rolled_back_from", entry.champion_before)):
                with contextlib.suppress(MlflowException):  # that version may be deleted
                    self._fence()
                    self._client.set_model_version_tag(REGISTERED_MODEL, version, f"{RECORD}{name}", said)
            return
        try:
            shown = self._client.get_run(entry.run_id).data.tags
        except MlflowException:
            shown = {f"{RECORD}decision": entry.decision}  # somebody deleted the run
        tags = {name: value for name, value in shown.items() if name.startswith(RECORD)}
        tags[f"{RECORD}run"] = entry.run_id
        # What an earlier decision said of the version would be read as this one's.
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
        versions = frozenset(str(one.version) for one in versions_of_model(client))
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
    """Turn what the registry answers into one line."""
    try:
        yield
    except (MlflowException, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise TrackingError(f"{REGISTERED_MODEL}: the registry refuses: {first_line}") from None


def as_row(entry: Entry) -> dict[str, Any]:
    """Return an entry as a row of the log, ready for ``json.dump``."""
    return asdict(entry)
