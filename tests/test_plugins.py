"""What other packages add: found by name, refused with one line, and carried by a model that leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from ecgml.config import resolve
from ecgml.doctor import examine
from ecgml.errors import CheckpointError, ConfigError
from ecgml.models.registry import OURS, model_class, model_entry, model_names, model_package, waveform_only
from ecgml.pipeline.evaluate import protocols
from ecgml.pipeline.job.settings import TrainConfiguration
from ecgml.plugins import added, carried, load
from ecgml.records.reading import GROUP
from ecgml.server.app import make_app
from ecgml.server.settings import ServerSettings
from ecgml.source import code_digest
from ecgml.training.checkpoint import load_checkpoint, save_checkpoint
from tests.extension import extension, write_extension
from tests.server.conftest import served_model
from tests.untrained import untrained_checkpoint

__all__ = ["extension"]


def test_an_architecture_of_another_package_is_a_choice_beside_ours(extension: Path) -> None:
    assert model_names() == ("fusion", "baseline", "tcn")
    assert model_package("tcn") == "my-rhythms 0.1"
    assert model_package("fusion") == ""
    assert resolve(TrainConfiguration, {"models": "tcn,fusion"}).job.models == ("tcn", "fusion")
    assert resolve(TrainConfiguration, {}).job.models == ("fusion", "baseline")
    with pytest.raises(ConfigError, match="'tcm' is unknown, did you mean 'tcn'"):
        resolve(TrainConfiguration, {"models": "tcm"})


def test_a_checkpoint_of_what_is_not_installed_names_the_package(extension: Path, tmp_path: Path) -> None:
    save_checkpoint(untrained_checkpoint("tcn"), tmp_path / "ours")
    assert load_checkpoint(tmp_path / "ours").build().head.in_features
    code = f"from ecgml.training.checkpoint import *; load_checkpoint(Path({str(tmp_path / 'ours')!r}))"
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=without, check=False)
    line = done.stderr.strip().splitlines()[-1]
    assert "no architecture 'tcn' is installed, only fusion, baseline" in line
    assert "my-rhythms 0.1" in line
    assert CheckpointError.__name__ in line


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fusion", "my_rhythms:DilatedNetwork", "'fusion' of ecgml.models: ecgml has one of that name; rename it"),
        ("a/b", "my_rhythms:DilatedNetwork", "'a/b' of ecgml.models: letters, digits"),
    ],
)
def test_a_name_that_is_taken_or_unusable_is_refused(
    name: str, value: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_extension(tmp_path)
    (listed,) = tmp_path.glob("*.dist-info/entry_points.txt")
    listed.write_text(f"[ecgml.models]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    added.cache_clear()
    with pytest.raises(ConfigError, match=f"my-rhythms 0.1, entry point {message}"):
        model_names()


@pytest.mark.parametrize("value", ["no_such_module:Model", "ecgml.models.fusion:NoSuchClass"])
def test_what_cannot_be_imported_is_named_with_the_remedy(value: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"mine: .*{value}, which cannot be imported \(.*\); install what is missing"
    ):
        load(EntryPoint("mine", value, "ecgml.models"))


def test_what_is_no_architecture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ecgml.models.registry.OURS", (*OURS, EntryPoint("mine", "ecgml.models.trunk:Trunk", "ecgml.models"))
    )
    with pytest.raises(ConfigError, match=r"mine, ecgml\.models\.trunk:Trunk, is no class derived from ecgml's Rhythm"):
        model_class("mine")


def test_what_a_model_takes_along_is_found_without_an_installation(extension: Path, tmp_path: Path) -> None:
    for path in carried(model_entry("tcn"), tmp_path):
        (tmp_path / "there" / path.name).parent.mkdir(exist_ok=True)
        path.rename(tmp_path / "there" / path.name) if path.is_dir() else (tmp_path / "there" / path.name).write_bytes(
            path.read_bytes()
        )
    code = "from ecgml.models.registry import *; print(model_package('tcn'), model_class('tcn').__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(tmp_path / "there")},
    )  # fmt: skip
    assert done.stdout.split() == ["my-rhythms", "0.1", "DilatedNetwork"]


def test_doctor_lists_what_was_added_and_says_what_is_broken(
    extension: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [one.line() for one in examine([], tmp_path, "cpu")]
    assert "ok    architectures: fusion, baseline, tcn (my-rhythms 0.1)" in lines
    assert "ok    metrics of other packages: top_two" in lines
    assert "ok    file formats of other packages: ecg-json" in lines
    broken = EntryPoint("mine", "no_such_module:Model", "ecgml.models")
    monkeypatch.setattr("ecgml.models.registry.OURS", (*OURS, broken))
    (fault,) = (one for one in examine([], tmp_path, "cpu") if "no_such_module" in one.what)
    assert fault.is_fatal


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("ecg-json = my_rhythms:OURS", "ecg-json: my-rhythms 0.1 claims the suffix .csv, which is read as ecgml's CSV"),
        (
            "ecg-json = my_rhythms:ECG_JSON\nsame = my_rhythms:ECG_JSON",
            "same: my-rhythms 0.1 claims the suffix .ecgjson, which is read as ecg-json of my-rhythms 0.1; leave",
        ),
    ],
)
def test_a_format_that_claims_a_suffix_of_another_is_refused(entries: str, message: str, tmp_path: Path) -> None:
    write_extension(tmp_path)
    with (tmp_path / "my_rhythms.py").open("a") as module:
        module.write(
            'OURS = Format("ecg-json", frozenset({".ecgjson", ".csv"}), lambda path, head: False, read_json)\n'
        )
    (listed,) = tmp_path.glob("*.dist-info/entry_points.txt")
    listed.write_text(f"[ecgml.readers]\n{entries}\n")
    (tmp_path / "ecg.csv").write_text("I,II\n1,2\n")
    done = subprocess.run(
        [sys.executable, "-m", "ecgml", "measure", str(tmp_path / "ecg.csv")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert message in done.stderr
    assert (len(done.stderr.splitlines()), done.returncode) == (1, 2)


def test_a_server_refuses_it_before_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("mine", "ecgml.records.readers.wfdb:WFDB", GROUP)
    monkeypatch.setattr("ecgml.records.reading.added", lambda group, taken: {"mine": entry})
    with pytest.raises(ConfigError, match=r"mine: .* claims the suffix \.dat, which is read as ecgml's WFDB"):
        make_app(served_model(), ServerSettings())


def test_the_waveform_only_reference_is_one_that_says_so(extension: Path) -> None:
    assert waveform_only({"fusion", "tcn", "baseline"}) == "baseline"
    assert waveform_only({"fusion", "tcn", "gone"}) is None


def test_explanations_take_the_layers_of_an_architecture_that_names_none(extension: Path) -> None:
    model = untrained_checkpoint("tcn").build()
    assert [name for name, _ in model.parts()] == ["classifier", "clinical", "pooling", "layers", "stem"]


def test_a_fold_is_of_the_code_of_its_architecture(extension: Path) -> None:
    configuration, data = resolve(TrainConfiguration, {}), SimpleNamespace(digest="0" * 64)
    before = [protocols._digest_of(name, data, configuration) for name in ("tcn", "fusion")]
    module = extension / "my_rhythms.py"
    module.write_text(module.read_text().replace("STRIDE = 8", "STRIDE = 4"))
    code_digest.cache_clear()
    after = [protocols._digest_of(name, data, configuration) for name in ("tcn", "fusion")]
    assert [a == b for a, b in zip(after, before, strict=True)] == [False, True]


@pytest.fixture(autouse=True)
def _forget() -> None:
    added.cache_clear()
