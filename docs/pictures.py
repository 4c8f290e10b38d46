"""The documentation's pictures, made anew from the simulated cohort: ``python -m docs.pictures``.

Needs Chromium (``chromium``, or the program that ``CHROMIUM`` names). Trains on 600 simulated records for ten epochs
first, so it takes minutes; ``--work DIR`` keeps what was trained for the next call. Nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import URLError
from urllib.request import urlopen

import matplotlib.pyplot as plt
import mlflow
from PIL import Image

from ecgml.cohorts.cohort import read_entry
from ecgml.cohorts.opening import open_cohort
from ecgml.paper.grid import WIDTH_MM
from ecgml.paper.page import HEIGHT_MM, draw
from ecgml.saving import write_whole
from ecgml.service.pages import runs_address

IMAGES = Path(__file__).resolve().parent / "images"
MAX_BYTES = 300_000

_N_RECORDS, _EPOCHS, _LEARNING_RATE = 600, 10, 0.005
_WAIT_S = 120.0


def ecg_on_paper(demo: Path) -> Image.Image:
    """Draw the first simulated atrial fibrillation on ECG paper."""
    cohort = open_cohort(demo)
    entry = next(entry for entry in cohort.entries if entry.rhythms == ("AFIB",))
    record = read_entry(entry)
    figure = plt.figure(figsize=(WIDTH_MM / 25.4, HEIGHT_MM / 25.4))
    draw(figure.add_axes((0, 0, 1, 1)), record.waveform, record.fs, title="Atrial fibrillation, simulated")
    drawn = BytesIO()
    figure.savefig(drawn, dpi=110)
    plt.close(figure)
    return Image.open(drawn)


def screenshot(address: str, *, width: int, height: int) -> Image.Image:
    """Return what Chromium shows of an address in a window of this size, px."""
    with TemporaryDirectory(prefix="ecgml-chromium-") as folder:
        shot = Path(folder) / "shot.png"
        command = [os.environ.get("CHROMIUM", "chromium"), "--headless", "--no-sandbox", "--disable-gpu"]
        command += ["--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
        command += [f"--window-size={width},{height}", "--virtual-time-budget=60000", f"--screenshot={shot}", address]
        subprocess.run(command, check=True, capture_output=True, timeout=_WAIT_S)
        with Image.open(shot) as image:
            return image.convert("RGB")


@contextmanager
def mlflow_server(store: str, port: int) -> Iterator[str]:
    """Serve MLflow's pages on loopback while the block runs; give their address."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        give_up = time.monotonic() + _WAIT_S
        while True:
            try:
                urlopen(f"{address}/health", timeout=5).close()
                break
            except (URLError, OSError):
                if server.poll() is not None or time.monotonic() > give_up:
                    raise
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


def compared_runs(address: str, job: str) -> Image.Image:
    """Return what an experiment's address opens, its charts chosen."""
    experiment = mlflow.MlflowClient().get_run(job).info.experiment_id
    page = runs_address(address, experiment).replace("?", "?compareRunsMode=CHART&")
    # To the right MLflow shows its assistant, which says nothing of the runs.
    return screenshot(page, width=1608, height=900).crop((0, 0, 1192, 900))


def top_of_page(page: Path, *, height: int) -> Image.Image:
    """Return the top of a page of ours without its table of contents."""
    with TemporaryDirectory(prefix="ecgml-page-") as folder:
        shown = Path(folder) / "page.html"
        style = "<style>nav[aria-label=Contents] { display: none }</style></head>"
        shown.write_text(page.read_text(encoding="utf-8").replace("</head>", style, 1), encoding="utf-8")
        return screenshot(shown.as_uri(), width=1000, height=height)


def save(image: Image.Image, name: str) -> Path:
    """Write a picture as a PNG with a palette, whole; as many colours as fit."""
    for colours in (256, 128, 64, 32):
        content = BytesIO()
        image.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
        if content.tell() <= MAX_BYTES:
            return write_whole(IMAGES / name, content.getvalue())
    raise ValueError(f"{name}: more than {MAX_BYTES} bytes with 32 colours; make the picture smaller")


def make(work: Path) -> Iterator[Path]:
    """Make the pictures one by one; what was trained and written in `work` is used again."""
    store = f"sqlite:///{work}/mlflow.db"
    os.environ["MLFLOW_TRACKING_URI"] = store
    mlflow.set_tracking_uri(store)
    demo, job_file, cache = work / "demo", work / "job", f"--cache-dir={work / 'cache'}"
    if not demo.exists():
        _ecgml(work, "simulate", str(demo), f"--records={_N_RECORDS}")
    yield save(ecg_on_paper(demo), "ecg.png")
    exploration = work / "exploration" / "exploration.html"
    if not exploration.exists():
        _ecgml(work, "explore", str(demo), f"--out={exploration.parent}", cache)
    yield save(top_of_page(exploration, height=1640), "exploration.png")
    if not job_file.exists():
        settings = [f"--data-dir={demo}", f"--epochs={_EPOCHS}", f"--learning-rate={_LEARNING_RATE}", cache]
        write_whole(job_file, _ecgml(work, "train", *settings).split()[-1].encode())
    job = job_file.read_text()
    with mlflow_server(store, _free_port()) as address:
        yield save(compared_runs(address, job), "comparison.png")
    report = work / "report" / "report.html"
    if not report.exists():
        (fusion,) = mlflow.search_runs(
            search_all_experiments=True,
            filter_string=f"tags.`mlflow.parentRunId` = '{job}' and run_name = 'fusion'",
            output_format="list",
        )
        _ecgml(work, "evaluate", f"runs:/{fusion.info.run_id}", f"--out={report.parent}", cache)
    yield save(top_of_page(report, height=2420), "report.png")


def _ecgml(work: Path, *words: str) -> str:
    """Run a command of ecgml in `work`; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ecgml", *words], cwd=work, check=True, text=True, stdout=subprocess.PIPE
    )
    return done.stdout


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(description="Make the documentation's pictures from the simulated cohort.")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep demo, cache and runs here for the next call")
    work = parser.parse_args().work
    with TemporaryDirectory(prefix="ecgml-pictures-") as temporary:
        folder = (work or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for path in make(folder):
            print(f"{path.relative_to(IMAGES.parents[1])}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
