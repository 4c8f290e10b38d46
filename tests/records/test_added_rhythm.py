"""A rhythm is one row: put into a copy of the code as the docs show it, and seen wherever rhythms are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecgml.cohorts.simulation.demo import write_demo
from ecgml.records.schemes import SCHEMES
from tests.conftest import ROOT
from tests.pipeline.conftest import SMALL

FACTS = """
import json, sys
from pathlib import Path
from ecgml.cohorts.opening import open_cohorts
from ecgml.exploration.style import class_colour, rhythm_style
from ecgml.records.rhythms import RHYTHM_CODES, rhythm_named, rhythm_of
from ecgml.records.schemes import SCHEMES, harmonise, scheme_named
from ecgml.report.confusions import consequence
home = Path(sys.argv[1])
own = scheme_named(str(home / "paced.yaml"))
(cohort,) = open_cohorts([home / "wfdb"])
(manifest,) = open_cohorts([home / "manifest"])
print(json.dumps({
    "file": [list(entry.rhythms) for entry in cohort.entries],
    "manifest": [list(entry.rhythms) for entry in manifest.entries],
    "said": [rhythm_of("paced"), rhythm_named("Schrittmacherrhythmus"), rhythm_named("paced rhythm")],
    "looks": [class_colour(own, own.classes.index("paced")), *rhythm_style(RHYTHM_CODES.index("PACE"))],
    "class": own.class_of(("PACE", "SR"))[0],
    "classes": {name: list(scheme.classes) for name, scheme in SCHEMES.items()},
    "beside": {name: scheme.class_of(("SB", "PACE"))[0] for name, scheme in SCHEMES.items()},
    "alone": [scheme.class_of(("PACE",))[1] for scheme in SCHEMES.values()],
    "snomed": own.snomed("paced"),
    "consequence": consequence("PACE", "SR"),
    "harmonised": harmonise(("SR", "PACE"), 50.0, "sinus_rate"),
}))
"""

SERVED = """
import json, sys
import mlflow, numpy as np
from ecgml.records.reading import read_record
model = mlflow.pyfunc.load_model("models:/ecg-rhythm@champion")
waveform = read_record(sys.argv[1]).waveform[None]
(answer,) = model.predict({"waveform": waveform, "clinical": np.full((1, 16), np.nan, dtype=np.float32)})
said = {"probabilities": list(answer["probabilities"]), "rhythm": answer["rhythm"], "snomed": list(answer["snomed"])}
print(json.dumps(said | {"classes": model.metadata.metadata["classes"]}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code with the row that docs/extending.md shows, and data that state the rhythm."""
    home = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "ecgml", home / "ecgml", ignore=shutil.ignore_patterns("__pycache__"))
    (row,) = re.findall(
        r"```text\n( {4}Rhythm\(.*?)```", (ROOT / "docs" / "extending.md").read_text(encoding="utf-8"), re.DOTALL
    )
    table = home / "ecgml" / "records" / "rhythms.py"
    text = table.read_text(encoding="utf-8")
    assert text.count(")  # fmt: skip\n") == 1
    table.write_text(text.replace(")  # fmt: skip\n", f"{row})  # fmt: skip\n"), encoding="utf-8")
    (home / "paced.yaml").write_text('classes: {paced: ["10370003"], other: [SR, SB, SA, ST, AFIB, AF, SVT, AT]}\n')
    write_demo(home / "wfdb", n_records=60, seed=2, layout="wfdb")
    headers = sorted((home / "wfdb").rglob("*.hea"))
    for header in headers[::3]:
        header.write_text(re.sub("(?m)^# ?Dx: .*$", "#Dx: 10370003,426783006", header.read_text()))
    manifest = home / "manifest"
    manifest.mkdir()
    shutil.copy(headers[1], manifest)
    shutil.copy(headers[1].with_suffix(".mat"), manifest)
    (manifest / "manifest.csv").write_text(f"path,rhythm\n{headers[1].name},paced\n")
    return home


def run(copy: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": f"sqlite:///{copy}/m.db"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_it_is_read_named_drawn_and_classed(copy: Path) -> None:
    facts = json.loads(run(copy, "-c", FACTS, str(copy)))
    assert facts["file"].count(["SR", "PACE"]) == 20
    assert facts["manifest"] == [["PACE"]]
    assert facts["said"] == ["PACE"] * 3
    assert facts["looks"] == ["#7800E1", "#7800E1", "p"]
    assert facts["class"] == "paced"
    assert facts["snomed"] == ["10370003"]


def test_built_in_schemes_stay_as_they_are(copy: Path) -> None:
    """Classes and labels of checkpoints that exist."""
    facts = json.loads(run(copy, "-c", FACTS, str(copy)))
    assert facts["classes"] == {name: list(scheme.classes) for name, scheme in SCHEMES.items()}
    assert facts["beside"] == dict.fromkeys(SCHEMES, "SB")
    assert facts["alone"] == ["no rhythm of the scheme"] * len(SCHEMES)
    assert facts["consequence"] == ""
    assert facts["harmonised"] == ["SR", "PACE"]


@pytest.mark.slow
def test_it_is_trained_and_goes_through_every_command(copy: Path) -> None:
    data = ["--scheme=paced.yaml", "--data-dir=wfdb", "--cache-dir=cache", "--jobs=1"]
    run(copy, "-m", "ecgml", "explore", *data, "--signals=30", "--filtered=1", "--out=explored")
    page = next((copy / "explored").rglob("*.html")).read_text(encoding="utf-8")
    assert "PACE 20" in page
    options = {**SMALL, "epochs": "1", "models": "baseline"}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    run(copy, "-m", "ecgml", "train", *data, *words)
    (card,) = copy.rglob("model_card.md")
    assert "* paced: Paced Rhythm" in card.read_text(encoding="utf-8")
    (checkpoint,) = copy.glob("mlruns/*/*/artifacts/checkpoint")
    model = f"runs:/{checkpoint.parents[1].name}"
    few = ["--cache-dir=cache", "--jobs=1", "--bootstrap=100"]
    run(copy, "-m", "ecgml", "evaluate", model, *few, "--device=cpu", "--explained=0", "--out=report")
    assert "paced (Paced Rhythm)" in (copy / "report" / "report.html").read_text(encoding="utf-8")
    run(copy, "-m", "ecgml", "audit", model, *few, "--folds=2", "--perturbed=10", "--out=audited")
    assert (copy / "audited" / "audit.html").is_file()
    run(copy, "-m", "ecgml", "promote", model, "--bootstrap=100", "--force", "--why=so few records")
    served = json.loads(run(copy, "-c", SERVED, str(next((copy / "wfdb").rglob("*.hea")))))
    assert served["probabilities"] == ["paced", "other"]
    assert served["classes"]["paced"] == ["10370003"]
    assert served["snomed"] == served["classes"][served["rhythm"]]
