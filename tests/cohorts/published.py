"""Simulated records in the layouts that the public data sets have at their hosts."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ecgml.cohorts.download.checksums import Digest
from ecgml.cohorts.download.sources import CHAPMAN, DataSource, RemoteFile


def write_ptbxl(wfdb: Path, folder: Path) -> Path:
    """Write the records of an ecg-arrhythmia folder as PTB-XL has its own, in both rates' folders."""
    rows = ["ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr,filename_hr"]
    for number, header in enumerate(sorted(wfdb.rglob("*.hea")), 1):
        names = [f"records{fs}/00000/{number:05d}_{end}" for fs, end in ((100, "lr"), (500, "hr"))]
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.hea").write_text(header.read_text().replace(header.stem, Path(name).name))
            shutil.copyfile(header.with_suffix(".mat"), folder / f"{name}.mat")
        rows.append(f"{number},{number},60,0,\"{{'SR': 0.0}}\",{1 + number % 10},{names[0]},{names[1]}")
    (folder / "ptbxl_database.csv").write_text("\n".join(rows) + "\n")
    return folder


def chapman_files(demo: Path) -> dict[str, bytes]:
    """Return the files of a Chapman-Shaoxing folder as figshare has them: tables, and archives of the recordings."""
    files = {path.name: path.read_bytes() for path in demo.iterdir() if path.is_file()}
    for name in ("ECGData", "ECGDataDenoised"):
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in sorted((demo / "ECGData").iterdir()):
                archive.write(path, f"{name}/{path.name}")
        files[f"{name}.zip"] = written.getvalue()
    return files


def chapman_source(files: Mapping[str, bytes]) -> DataSource:
    """Return Chapman-Shaoxing with the digests of these files in the place of the published ones."""

    def remote(name: str, n_digits: int = 32) -> RemoteFile:
        return RemoteFile(name, Digest("md5", hashlib.md5(files[name]).hexdigest()[:n_digits]), f"id/{name}")

    archives = {"raw": remote("ECGData.zip"), "denoised": remote("ECGDataDenoised.zip", 8)}
    return replace(CHAPMAN, files=tuple(remote(name) for name in files if not name.endswith(".zip")), archives=archives)
