"""`ecgml download`: fetch, check and open a public data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecgml.cohorts.download.download import download
from ecgml.cohorts.download.receipt import RECEIPT
from ecgml.cohorts.download.sources import SOURCES
from ecgml.cohorts.opening import open_cohort
from ecgml.pipeline.job.console import Console


def download_data_set(
    name: str, out: Path, console: Console, *, parts: Sequence[str] = (), base_url: str = "", n_jobs: int = 8
) -> str:
    """Fetch a public data set and open it.

    Parameters
    ----------
    name : str
        Of `ecgml.cohorts.download.sources.SOURCES`.
    out : Path
        The folder.
    console : Console
    parts, base_url, n_jobs
        As of `ecgml.cohorts.download.download.download`.

    Returns
    -------
    summary : str
        What was fetched, how it was checked, and as which cohort it opens.

    Raises
    ------
    EcgmlError
        If it could not be fetched completely, or fails its checks.
    """
    source = SOURCES[name]
    try:
        done = download(
            source,
            out,
            parts=parts,
            base_url=base_url,
            n_jobs=n_jobs,
            progress=console.progress,
            note=console.warn,
        )
    except KeyboardInterrupt:
        console.say(f"{out}: downloaded files are kept; run the same command again to resume")
        raise
    cohort = open_cohort(out)
    for warning in cohort.warnings:
        console.warn(warning)
    lines = [f"{out}: {done.n_files:,} files are complete, {done.n_bytes / 1e6:,.1f} MB of them fetched now"]
    lines += [
        f"  {name}: no whole digest of it is published; it has {digest}, noted in {RECEIPT}"
        for name, digest in done.unproven.items()
    ]
    return "\n".join(
        [
            *lines,
            f"  {cohort.kind}: {len(cohort.entries):,} records; licence and how to cite: {source.page}",
            f"next: ecgml prepare {out}",
        ]
    )
