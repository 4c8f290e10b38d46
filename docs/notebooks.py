"""The notebooks with their outputs, made anew: ``python -m docs.notebooks``.

Runs both from top to bottom on the simulated cohort and keeps what they show, which is small on purpose, so that they
can be read where nothing runs. ``--repository https://github.com/OWNER/NAME`` writes where they come from into them:
they install ecgml from there, and the badge opens them in Colab at once.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

from ecgml.saving import write_whole

ROOT = Path(__file__).parents[1]

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

MAX_BYTES = 300_000

_COLAB = "https://colab.research.google.com/github/"

_TIMEOUT_S = 3600


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with its outputs, as it runs in an empty folder; progress and times are left out."""
    with TemporaryDirectory(prefix="ecgml-notebook-") as folder:
        NotebookClient(
            notebook, timeout=_TIMEOUT_S, startup_timeout=_TIMEOUT_S, resources={"metadata": {"path": folder}}
        ).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if cell.get("outputs"):
                cell.outputs = _joined(cell.outputs, f"{Path(folder).resolve()}/")
    return notebook


def _joined(outputs: list[nbformat.NotebookNode], folder: str) -> list[nbformat.NotebookNode]:
    """Return outputs without standard error, printed lines as one output, paths from the folder that it ran in."""
    kept: list[nbformat.NotebookNode] = []
    for output in outputs:
        if output.output_type != "stream":
            kept.append(output)
        elif output.name == "stdout":
            output.text = output.text.replace(folder, "")
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
            else:
                kept.append(output)
    return kept


def from_repository(content: str, name: str, repository: str) -> str:
    """Return a notebook's text with the address of its repository in it."""
    content = re.sub(r'(REPOSITORY = \\")[^"\\]*', rf"\g<1>{repository}.git", content)
    path = repository.removeprefix("https://github.com/")
    return re.sub(rf"{re.escape(_COLAB)}[^)]*", f"{_COLAB}{path}/blob/main/notebooks/{name}", content)


def main() -> None:
    """Run the notebooks, or write an address into them."""
    parser = argparse.ArgumentParser(prog="python -m docs.notebooks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--repository", default="", metavar="ADDRESS", help="https://github.com/OWNER/NAME; runs nothing"
    )
    repository = parser.parse_args().repository.rstrip("/").removesuffix(".git")
    os.environ["PYTHONPATH"] = str(ROOT)
    for path in NOTEBOOKS:
        if repository:
            content = from_repository(path.read_text(encoding="utf-8"), path.name, repository)
        else:
            content = nbformat.writes(executed(nbformat.read(path, as_version=4))) + "\n"
        if len(content) > MAX_BYTES:
            raise ValueError(f"{path.name}: {len(content):,} bytes with its outputs, more than {MAX_BYTES:,}")
        write_whole(path, content.encode())
        print(path)


if __name__ == "__main__":
    main()
