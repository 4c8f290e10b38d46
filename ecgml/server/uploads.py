"""Files as they were sent -> records, safely.

Nothing of a request's file names reaches an answer or the log: they may name patients. Zips are unpacked within limits,
into a folder of their own; a header may name only files of its own request.
"""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ecgml.errors import RecordError
from ecgml.records.readers.options import ReadOptions
from ecgml.records.reading import files_of, find_records, read_record
from ecgml.records.record import Record

MAX_ZIP_FILES = 10_000
_CHUNK = 1 << 20
_WFDB_PARTS = (".mat", ".dat")


@dataclass(frozen=True)
class Upload:
    """A file of a request."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Place:
    """Where a record of a request lies: the number of the file that brought it, from 0."""

    number: int
    path: Path


@dataclass
class _Allowance:
    """How many bytes may still be unpacked."""

    n_bytes: int

    def take(self, n_bytes: int) -> None:
        self.n_bytes -= n_bytes
        if self.n_bytes < 0:
            raise RecordError("the packed files of this request unpack to more than the server takes", "too large")


def store(uploads: Sequence[Upload], folder: Path, max_unpacked: int) -> list[Place | tuple[int, RecordError]]:
    """Write the files of a request into a folder and find the records among them.

    Parameters
    ----------
    uploads : sequence of Upload
    folder : Path
        Empty; for this request alone.
    max_unpacked : int
        Bytes that zips and gzips may unpack to together.

    Returns
    -------
    places : list of Place, or of a file's number with its error
        In the order in which the files were sent. The files of a WFDB record count where its header is.
    """
    allowance = _Allowance(max_unpacked)
    places: list[Place | tuple[int, RecordError]] = []
    parts: list[tuple[int, Path]] = []
    shared = folder / "wfdb"
    for number, upload in enumerate(uploads):
        name = _plain(upload.name, number)
        try:
            if upload.data[:4] == b"PK\x03\x04" and Path(name).suffix.lower() != ".npz":
                places += _unzip(upload.data, folder / str(number), number, allowance)
            elif Path(name).suffix.lower() in (".hea", *_WFDB_PARTS):
                own = shared
                while (own / name).exists():  # another record of the same name
                    own = own / "next"
                path = _write(own / name, upload.data)
                if path.suffix.lower() == ".hea":
                    places.append(Place(number, path))
                else:
                    parts.append((number, path))
            else:
                places.append(Place(number, _store_single(upload.data, folder / str(number) / name, allowance)))
        except RecordError as error:
            places.append((number, error))
    claimed = {path for place in places if isinstance(place, Place) for path in files_of(place.path)}
    places += [
        (number, RecordError("a signal file without its header (.hea)", "missing file"))
        for number, path in parts
        if path not in claimed
    ]
    return sorted(places, key=lambda place: place.number if isinstance(place, Place) else place[0])


def read(place: Place, options: ReadOptions) -> Record:
    """Read a record of a request under a neutral name.

    Raises
    ------
    RecordError
        If it cannot be read; without a file's name.
    """
    neutral = f"file {place.number}"
    try:
        record = read_record(place.path, **vars(replace(options, yields=True)))
    except RecordError as error:
        raise RecordError(_without_names(str(error), place, neutral), error.reason) from None
    notes = tuple(_without_names(note, place, neutral) for note in record.notes)
    return replace(record, name=neutral, notes=notes)


def _store_single(data: bytes, path: Path, allowance: _Allowance) -> Path:
    if path.suffix.lower() == ".npz":
        _check_npz(data, path, allowance)
    if path.suffix.lower() != ".gz":
        return _write(path, data)
    path = path.with_suffix("")
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = path.parent / "packed"
    packed.write_bytes(data)
    try:
        with gzip.open(packed, "rb") as source, path.open("wb") as target:
            while chunk := source.read(_CHUNK):
                allowance.take(len(chunk))
                target.write(chunk)
    except (OSError, EOFError, zlib.error):
        raise RecordError("cannot be unpacked: it is damaged or truncated; send it again", "format") from None
    finally:
        packed.unlink()
    return path


def _check_npz(data: bytes, path: Path, allowance: _Allowance) -> None:
    packed = _write(path.with_suffix(".check"), data)
    try:
        with zipfile.ZipFile(packed) as archive:
            allowance.take(sum(member.file_size for member in archive.infolist()))
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        pass  # the reader says what is wrong with it
    finally:
        packed.unlink()


def _unzip(data: bytes, folder: Path, number: int, allowance: _Allowance) -> list[Place | tuple[int, RecordError]]:
    packed = _write(folder / "packed", data)
    inside = folder / "files"
    inside.mkdir()
    try:
        with zipfile.ZipFile(packed) as archive:
            for member in _members(archive):
                target = inside / member.filename
                if not target.resolve().is_relative_to(inside.resolve()):
                    raise RecordError("a name in the zip leads out of it", "format")
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("wb") as file:
                    while chunk := source.read(_CHUNK):
                        allowance.take(len(chunk))
                        file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise RecordError("the zip is damaged, encrypted or packed in a way that is not known", "format") from None
    finally:
        packed.unlink()
    records, _ = find_records(inside)
    if not records:
        raise RecordError("no ECG in this zip", "missing file")
    return [Place(number, path) for path in records]


def _members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MAX_ZIP_FILES:
        raise RecordError(f"{len(members):,} files in a zip, at most {MAX_ZIP_FILES:,} are taken", "too large")
    for member in members:
        parts = PurePosixPath(member.filename).parts
        if ".." in parts or member.filename.startswith(("/", "\\")) or "\\" in member.filename or ":" in parts[0]:
            raise RecordError("a name in the zip leads out of it", "format")
        yield member


def _plain(name: str, number: int) -> str:
    """Return a file name without a path, of which only suffix and what a WFDB header may name are kept."""
    plain = name.replace("\\", "/").rpartition("/")[2]
    if re.fullmatch(r"[^\s\x00-\x1f.][^\x00-\x1f]{0,199}", plain):
        return plain
    suffix = re.search(r"(\.[A-Za-z0-9]{1,6}){1,2}$", plain)
    return f"{number}{suffix[0] if suffix else ''}"


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _without_names(text: str, place: Place, neutral: str) -> str:
    names = {path.name for path in place.path.parent.iterdir()} | {place.path.name, place.path.stem}
    # At once: a file may be called "file", which is a word of the neutral name.
    longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    text = re.sub(rf"(?<![\w.])(?:{longest_first})(?![\w])", neutral, text)
    return text.replace(f"{place.path.parent}/", "").replace(str(place.path.parent), "this request")
