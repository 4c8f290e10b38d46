"""`download`: a public data set into a folder that `open_cohort` opens."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ecgml.cohorts.download.archives import place, unpack
from ecgml.cohorts.download.checksums import SUMS, Digest, digest_of, format_sums, parse_sums
from ecgml.cohorts.download.faults import RetryPolicy
from ecgml.cohorts.download.fetching import Fetched
from ecgml.cohorts.download.parallel import FileRequest, Progress, Show, fetch_all
from ecgml.cohorts.download.receipt import claimed, set_aside, write_file
from ecgml.cohorts.download.sources import DataSource, RemoteFile, checked_base_url, shown_address
from ecgml.cohorts.places import paths_inside
from ecgml.errors import DownloadError

STAGING = ".unpacking"


@dataclass(frozen=True)
class Downloaded:
    """A data set that is there, whole."""

    n_files: int
    n_bytes: int
    """Fetched by this call."""
    unproven: dict[str, Digest]
    """What was fetched without a published digest to check it by, or with the first digits of one, and its digest."""


@contextmanager
def _no_progress(label: str, unit: str) -> Iterator[Show]:
    yield lambda *_: None


def download(
    source: DataSource,
    out: Path,
    *,
    parts: Sequence[str] = (),
    base_url: str = "",
    n_jobs: int = 8,
    patience: RetryPolicy | None = None,
    progress: Progress = _no_progress,
    note: Callable[[str], None] = lambda line: None,
) -> Downloaded:
    """Fetch a data set; do only what is missing where a part of it is there.

    A file takes its name when it is whole and has the published digest. Stopped at any time, even by a kill, the same
    call goes on; called again on a whole data set it checks every file, without a network.

    Parameters
    ----------
    source : DataSource
    out : Path
        The folder; until the data set is whole, its receipt keeps `open_cohort` from opening it.
    parts : sequence of str
        Of `source.parts`; empty for the default ones.
    base_url : str
        A mirror that holds the files under their names.
    n_jobs : int
        Connections.
    patience : RetryPolicy, optional
    progress, note : callable
        What is done, and lines for a person.

    Raises
    ------
    ConfigError
        If there is no such part, or the mirror's address is none.
    DownloadError
        If a host cannot be reached, refuses, stalls for good, or sends something else than was published; if the folder
        cannot be written or holds something else. What is there whole stays.
    CohortError
        If the host's list names a path out of the folder.
    """
    job = _Job(source, out, source.chosen(parts), checked_base_url(base_url), n_jobs, patience, progress, note)
    try:
        with claimed(out, source.name) as receipt:
            done = job.fetch_known() if source.files else job.fetch_listed()
            if done.n_bytes:
                receipt["from"] = shown_address(base_url or source.hosts[0])
            receipt["parts"] = sorted({*receipt.get("parts", ()), *job.parts})
            receipt["checked"] = datetime.now(UTC).isoformat(timespec="seconds")
            receipt["unproven"] = receipt.get("unproven", {}) | {name: str(one) for name, one in done.unproven.items()}
    except OSError as error:
        raise DownloadError(
            f"{error.filename or out}: cannot be written: {error.strerror or error}; what is whole is kept: mend that "
            "and run again"
        ) from error
    return done


@dataclass(frozen=True)
class _Job:
    source: DataSource
    out: Path
    parts: tuple[str, ...]
    base_url: str
    n_jobs: int
    patience: RetryPolicy | None
    progress: Progress
    note: Callable[[str], None]

    def fetch_listed(self) -> Downloaded:
        """Fetch a data set whose host lists its files."""
        listed, n_bytes = self._list()
        others = tuple(folder for part, folder in self.source.folders.items() if part not in self.parts)
        names = [name for name in listed if name != SUMS and not name.startswith(others)]
        paths = paths_inside(self.out.resolve(), names, lambda row: f"{SUMS} of {self.source.name}")
        fetched = self._fetch(
            [
                FileRequest(name, self._addresses(RemoteFile(name)), path, listed[name])
                for name, path in zip(names, paths, strict=True)
            ]
        )
        n_bytes += sum(one.n_bytes for one in fetched.values())
        return Downloaded(len(fetched) + 1, n_bytes, {SUMS: digest_of(self.out / SUMS)})

    def _list(self) -> tuple[dict[str, Digest], int]:
        """Return the host's list, and how many bytes were fetched for it: none where it is there already."""
        path = self.out / SUMS
        if path.exists():
            try:
                return parse_sums(path.read_text(encoding="utf-8", errors="replace"), str(path)), 0
            except DownloadError:
                self.note(f"{SUMS}: is no list of files; kept as {set_aside(path)}")
        addresses = self._addresses(RemoteFile(SUMS))
        fetched = self._fetch([FileRequest(SUMS, addresses, path, None)])
        try:
            listed = parse_sums(path.read_text(encoding="utf-8", errors="replace"), shown_address(addresses[0]))
        except DownloadError:
            path.unlink()
            raise
        return listed, fetched[SUMS].n_bytes

    def fetch_known(self) -> Downloaded:
        """Fetch a data set whose files are known here, and unpack its archives."""
        staging = self.out / STAGING
        shutil.rmtree(staging, ignore_errors=True)
        digests = self._unpacked()
        archives = [archive for part, archive in self.source.archives.items() if part in self.parts]
        wanted = [archive for archive in archives if not self._is_whole(_folder(archive), digests)]
        files = [*self.source.files, *wanted]
        fetched = self._fetch(
            [FileRequest(file.name, self._addresses(file), self.out / file.name, file.digest) for file in files]
        )
        digests |= {file.name: digest_of(self.out / file.name) for file in self.source.files}
        for archive in wanted:
            with self.progress(f"unpacking {archive.name}", "files") as show:
                unpacked = unpack(self.out / archive.name, staging, show)
            kept = {name: one for name, one in digests.items() if not name.startswith(_folder(archive))}
            digests = kept | unpacked
            # First the digests, then the files, last the archive: whenever this stops, it can go on.
            write_file(self.out / SUMS, format_sums(digests).encode())
            for line in place(staging, self.out):
                self.note(line)
            shutil.rmtree(staging)
        write_file(self.out / SUMS, format_sums(digests).encode())
        for archive in archives:
            (self.out / archive.name).unlink(missing_ok=True)
        unproven = {
            file.name: fetched[file.name].digest for file in files if not (file.digest and file.digest.is_whole)
        }
        return Downloaded(len(digests), sum(one.n_bytes for one in fetched.values()), unproven)

    def _unpacked(self) -> dict[str, Digest]:
        """Return the digests of what was unpacked before."""
        path = self.out / SUMS
        if not path.exists():
            return {}
        try:
            listed = parse_sums(path.read_text(encoding="utf-8", errors="replace"), str(path))
        except DownloadError:
            return {}
        folders = tuple(_folder(archive) for archive in self.source.archives.values())
        return {name: digest for name, digest in listed.items() if name.startswith(folders)}

    def _is_whole(self, folder: str, digests: dict[str, Digest]) -> bool:
        """Whether all files of an archive are where they were unpacked to, unchanged."""
        names = [name for name in digests if name.startswith(folder)]
        paths = paths_inside(self.out.resolve(), names, lambda row: SUMS)
        errands = [FileRequest(name, (), path, digests[name]) for name, path in zip(names, paths, strict=True)]
        try:
            return bool(errands) and bool(self._fetch(errands, label="checking"))
        except DownloadError as error:
            self.note(f"{error}; its archive is fetched again")
            return False

    def _addresses(self, file: RemoteFile) -> tuple[str, ...]:
        return self.source.addresses(file, self.base_url)

    def _fetch(self, errands: Sequence[FileRequest], label: str = "fetching") -> dict[str, Fetched]:
        return fetch_all(
            errands,
            n_jobs=self.n_jobs,
            patience=self.patience or RetryPolicy(),
            progress=self.progress,
            note=self.note,
            label=f"{label} {self.source.name}",
        )


def _folder(archive: RemoteFile) -> str:
    """Return the folder that an archive becomes, with the slash that ends it."""
    return f"{archive.name.removesuffix('.zip')}/"
