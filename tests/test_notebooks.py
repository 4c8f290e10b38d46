"""The notebooks run from top to bottom on a small cohort, show what they promise, and are kept with small outputs."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from docs.notebooks import MAX_BYTES, from_repository
from ecgml.cohorts.simulation.demo import write_demo
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["explore", "train"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_shows_what_it_does_and_stays_small(path: Path) -> None:
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 4
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    assert path.stat().st_size <= MAX_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_repository_is_written_into_badge_and_installation(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = path.read_text(encoding="utf-8")
    assert "](https://colab.research.google.com/github/)" in content  # Colab's list of a repository's notebooks
    content = from_repository(content, path.name, "https://github.com/who/ecgml")
    badge = f"](https://colab.research.google.com/github/who/ecgml/blob/main/notebooks/{path.name})"
    assert badge in content
    assert 'REPOSITORY = \\"https://github.com/who/ecgml.git\\"' in content
    nbformat.validate(nbformat.reads(content, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("folder", "repository", "source"),
    [
        (ROOT / "notebooks", "<git address>", str(ROOT)),
        (Path("/"), "https://example.org/ecgml.git", "git+https://example.org/ecgml.git"),
    ],
    ids=["in a clone", "from an address"],
)
def test_notebook_installs_this_project_and_no_package_of_its_name(
    path: Path, folder: Path, repository: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert installed_by(path, repository, monkeypatch) == source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_without_an_address_installs_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="REPOSITORY: set it to the address"):
        installed_by(path, "<git address>", monkeypatch)


def installed_by(path: Path, repository: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a notebook's first code cell as where ecgml is missing; return what pip would install."""
    first = next(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    code = first.replace("<git address>", repository).replace("%pip install --quiet $SOURCE", "pass")
    assert code.count("pass") == 1
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    variables: dict[str, str] = {}
    exec(code, variables)
    return variables["SOURCE"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_shows_figures(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # MLflow notes in the environment where runs of this process went.
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_demo(tmp_path / "demo", n_records=60, seed=1)
    notebook = nbformat.read(path, as_version=4)
    place = next(index for index, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    small = 'DATA = "demo"\nEPOCHS = 1'
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(small))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [kind for cell in notebook.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())]
    assert kinds.count("image/png") >= 5 or "text/html" in kinds
    assert (tmp_path / "ecgml-results" / "mlflow.db").is_file()
