"""Where the public data sets are.

The md5 of ECGData.zip and the first digits of ECGDataDenoised.zip's are figshare's; those of the spreadsheets are of
copies whose first eight digits are figshare's. PhysioNet publishes a SHA-256 of every file in SHA256SUMS.txt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from ecgml.cohorts.download.checksums import Digest
from ecgml.config import nearest
from ecgml.errors import ConfigError


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set."""

    name: str
    """Path in the data set's folder, and at mirrors."""
    digest: Digest | None = None
    key: str = ""
    """What the data set's own hosts call it, where that is not its name."""


@dataclass(frozen=True)
class DataSource:
    """A public data set."""

    name: str
    hosts: tuple[str, ...]
    """Addresses that a file's key is added to; each is asked when the one before it does not give a file."""
    page: str
    """Where a person reads of licence and citation, and finds the files."""
    files: tuple[RemoteFile, ...] = ()
    """Files that are known here; without any, the host's SHA256SUMS.txt lists them."""
    archives: Mapping[str, RemoteFile] = field(default_factory=dict)
    """Parts that are zip archives: each becomes a folder of its name."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Parts that are folders of the host's list."""
    default_parts: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """What of the data set one may choose."""
        return (*self.archives, *self.folders)

    def chosen(self, parts: Sequence[str]) -> tuple[str, ...]:
        """Return the parts to fetch: those asked for, or the default ones.

        Raises
        ------
        ConfigError
            If there is no such part.
        """
        for part in parts:
            if part not in self.parts:
                there = f"one of {', '.join(self.parts)}" if self.parts else "it has none"
                raise ConfigError(f"part: {part!r} is no part of {self.name}{nearest(part, self.parts)}; {there}")
        return tuple(dict.fromkeys(parts)) or self.default_parts

    def addresses(self, file: RemoteFile, base_url: str = "") -> tuple[str, ...]:
        """Return where a file is: at a mirror under its name, or at the data set's own hosts."""
        if base_url:
            return (f"{base_url.rstrip('/')}/{quote(file.name)}",)
        return tuple(host + quote(file.key or file.name) for host in self.hosts)


def checked_base_url(base_url: str) -> str:
    """Return the address of a mirror.

    Raises
    ------
    ConfigError
        If it is no ``http://`` or ``https://`` address of a folder.
    """
    try:
        parts = urlsplit(base_url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
        _ = parts.port
    except ValueError:
        fits = False
    if base_url and not fits:
        shown = shown_address(base_url)
        raise ConfigError(f"base_url: {shown!r} is no folder's address; give http://… or https://…, without ? and #")
    return base_url


def shown_address(address: str) -> str:
    """Return an address as messages may show it: without name, password and query, which may be secrets."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "(an address that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path.rpartition("@")[2]


CHAPMAN = DataSource(
    name="chapman",
    # The second is figshare's API; figshare.com/ndownloader answers programs with an empty 202.
    hosts=("https://ndownloader.figshare.com/files/", "https://api.figshare.com/v2/file/download/"),
    page="https://figshare.com/collections/ChapmanECG/4560497",
    files=(
        RemoteFile("Diagnostics.xlsx", Digest("md5", "f9795256cd8590f8b22f2f8f6762d89e"), "15653771"),
        RemoteFile("RhythmNames.xlsx", Digest("md5", "a7af9552e948e073fbcbc72485b8ab12"), "15651296"),
        RemoteFile("ConditionNames.xlsx", Digest("md5", "a37bbf63b9a179a89866f1879c6f824b"), "15651293"),
        RemoteFile("AttributesDictionary.xlsx", Digest("md5", "7c12a7053721aadb292d2d56e9d7d372"), "15653762"),
    ),
    archives={
        "raw": RemoteFile("ECGData.zip", Digest("md5", "2bf32d649e30c5648ba4a5938a1398f8"), "15651326"),
        "denoised": RemoteFile("ECGDataDenoised.zip", Digest("md5", "049caea0"), "15652862"),
    },
    default_parts=("raw",),
)

ECG_ARRHYTHMIA = DataSource(
    name="ecg-arrhythmia",
    hosts=("https://physionet.org/files/ecg-arrhythmia/1.0.0/",),
    page="https://physionet.org/content/ecg-arrhythmia/1.0.0/",
)

PTB_XL = DataSource(
    name="ptb-xl",
    hosts=("https://physionet.org/files/ptb-xl/1.0.3/",),
    page="https://physionet.org/content/ptb-xl/1.0.3/",
    folders={"records500": "records500/", "records100": "records100/"},
    default_parts=("records500",),
)

SOURCES = {source.name: source for source in (CHAPMAN, ECG_ARRHYTHMIA, PTB_XL)}
