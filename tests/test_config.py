"""Settings: precedence, parsing, bounds, and messages that name the key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecgml.config import Configuration, from_json, resolve, setting, to_json, validate
from ecgml.errors import ConfigError
from ecgml.pipeline.job.settings import DataSettings
from tuning.settings import TuneSettings


@dataclass(frozen=True)
class Demo:
    """A section."""

    epochs: int = setting(10, "Passes", low=1)
    rate: float = setting(0.1, "Rate", above=0, high=1)
    names: tuple[str, ...] = setting(("a",), "Names", choices=("a", "b"))
    folder: str = setting("", "Folder")
    limit: float | None = setting(None, "Limit", above=0)
    fast: bool = setting(False, "Fast")

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, kw_only=True)
class DemoConfiguration(Configuration):
    demo: Demo


@dataclass(frozen=True, kw_only=True)
class StudyConfiguration(Configuration):
    tune: TuneSettings
    data: DataSettings


def resolved(options: dict, file: Path | None = None) -> Demo:
    return resolve(DemoConfiguration, options, file).demo


def test_option_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("epochs: 20\nrate: 0.5\n")
    configuration = resolve(DemoConfiguration, {"epochs": "30"}, file)
    assert (configuration.demo.epochs, configuration.demo.rate, configuration.demo.folder) == (30, 0.5, "")
    assert configuration.origins["epochs"] == "option"
    assert configuration.origins["rate"] == "file"
    assert configuration.origins["folder"] == "default"


def test_empty_text_means_not_given() -> None:
    assert resolved({"epochs": "", "names": "", "limit": None}) == Demo()


def test_text_and_typed_values_parse_alike() -> None:
    text = resolved({"epochs": "3", "rate": "1e-3", "names": "a, b", "limit": "2", "fast": "true"})
    typed = resolved({"epochs": 3, "rate": 1e-3, "names": ["a", "b"], "limit": 2.0, "fast": True})
    assert text == typed == Demo(3, 1e-3, ("a", "b"), "", 2.0, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": "0"}, "epochs: 0 is too small, at least 1"),
        ({"epochs": "-3"}, "epochs: -3 is too small"),
        ({"epochs": "many"}, "epochs: 'many' is not a whole number"),
        ({"epochs": 2.5}, "epochs: 2.5 is not a whole number"),
        ({"epochs": True}, "epochs: True is not a whole number"),
        ({"rate": "0"}, "rate: 0.0 is too small, more than 0"),
        ({"rate": "2"}, "rate: 2.0 is too large, at most 1"),
        ({"rate": "nan"}, "rate: nan is not a finite number"),
        ({"rate": "inf"}, "rate: inf is not a finite number"),
        ({"names": "a,c"}, "names: 'c' is unknown; one of a, b"),
        ({"fast": "maybe"}, "fast: 'maybe' is not true or false"),
        ({"epoch": "3"}, "unknown setting 'epoch', did you mean 'epochs'"),
    ],
)
def test_wrong_value_is_one_line_that_names_the_setting(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        resolved(options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epoch: 3", "settings.yaml: unknown setting 'epoch', did you mean 'epochs'"),
        ("epochs: 0", "settings.yaml: epochs: 0 is too small, at least 1"),
        ("epochs: many", "settings.yaml: epochs: 'many' is not a whole number"),
        ("- 3", "settings.yaml: must map names to values; write lines like"),
        ("epochs:3", "settings.yaml: must map names to values; write lines like"),
        ("fast: true\nepochs:3\n", "settings.yaml, line 2: could not find expected ':'; write lines like"),
        ("fast: true\nfolder: [a, b\n", "settings.yaml, line 3: expected ',' or ']'"),
        ("fast: true\nfolder: 'a\nepochs: 3\n", "settings.yaml, line 2: found unexpected end of stream"),
        ("fast: true\n\tepochs: 3\n", r"settings.yaml, line 2: found character '\\t'"),
        ("folder: \0", "settings.yaml: is no YAML"),
    ],
)
def test_wrong_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        resolved({}, file)
    assert "\n" not in str(caught.value)


def test_wrong_option_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("rate: 0.5\n")
    with pytest.raises(ConfigError, match=r"^epochs: 0 is too small"):
        resolved({"epochs": "0"}, file)


def test_file_that_is_no_text_or_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("folder: Zürich\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml: is no text in UTF-8; save it as such"):
        resolved({}, tmp_path / "latin.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        resolved({}, tmp_path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml does not exist"):
        resolved({}, tmp_path / "nowhere.yaml")


def test_json_round_trip_gives_an_equal_section() -> None:
    section = Demo(3, 0.25, ("b", "a"), "x", None, True)
    assert from_json(Demo, json.loads(json.dumps(to_json(section))), "there") == section


def test_json_of_an_older_version_takes_new_defaults_but_not_unknown_keys() -> None:
    assert from_json(Demo, {"epochs": 3}, "there") == Demo(epochs=3)
    with pytest.raises(ConfigError, match="there: unknown setting 'epoks', did you mean 'epochs'"):
        from_json(Demo, {"epoks": 3}, "there")


def test_a_key_of_two_sections_is_one_setting() -> None:
    """A study and its data both have jobs: given or changed, the value is the same for both."""
    given = resolve(StudyConfiguration, {"jobs": "3"})
    assert (given.tune.jobs, given.data.jobs, given.values()["jobs"]) == (3, 3, 3)
    changed = given.changed({"jobs": 2})
    assert (changed.tune.jobs, changed.data.jobs, changed.values()["jobs"]) == (2, 2, 2)
    assert resolve(StudyConfiguration, {}).values()["jobs"] == TuneSettings().jobs
