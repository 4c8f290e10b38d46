"""The project's own rules: style, import contracts, and that its texts say what the code does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from mlflow.projects._project_spec import load_project

from ecgml.config import Configuration, fields_of
from ecgml.measurements.table import INTERVAL_MEASUREMENTS, MEASUREMENTS
from ecgml.pipeline.job.settings import (
    AuditConfiguration,
    EvaluateConfiguration,
    ExploreConfiguration,
    PrepareConfiguration,
    PromoteConfiguration,
    ProtocolConfiguration,
    TrainConfiguration,
)
from ecgml.records.clinical import CLINICAL_COLUMNS, INTERVAL_COLUMNS
from tests.conftest import ROOT
from tuning.settings import TuneConfiguration


def run_python(*words: str) -> None:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_code_is_formatted() -> None:
    run_python("-m", "ruff", "format", "--check", ".")


def test_code_is_clean() -> None:
    run_python("-m", "ruff", "check", ".")


def test_types_are_right() -> None:
    run_python("-m", "mypy")


def test_rooms_import_only_from_below() -> None:
    # import-linter has no module to run with -m.
    run_python("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")


def known(kind: type[Configuration]) -> set[str]:
    return {name for section in kind.section_types().values() for name in fields_of(section)}


@pytest.mark.parametrize(
    ("entry_point", "kind"),
    [
        ("main", TrainConfiguration),
        ("prepare", PrepareConfiguration),
        ("explore", ExploreConfiguration),
        ("audit", AuditConfiguration),
        ("evaluate", ProtocolConfiguration),
        ("tune", TuneConfiguration),
    ],
)
def test_every_parameter_of_mlproject_is_a_setting_and_is_passed_on(
    entry_point: str, kind: type[Configuration]
) -> None:
    project = yaml.safe_load((ROOT / "MLproject").read_text())
    point = project["entry_points"][entry_point]
    parameters = set(point["parameters"])
    assert parameters <= known(kind) | {"config", "resume", "out", "model"}
    assert set(re.findall(r"\{(\w+)\}", point["command"])) == parameters
    for name in parameters:
        assert f"--{name.replace('_', '-')} {{{name}}}" in point["command"]
        assert point["parameters"][name]["default"] == ""


@pytest.mark.parametrize("entry_point", ["main", "prepare", "explore", "tune", "evaluate", "audit", "promote"])
def test_mlflow_itself_renders_the_command(entry_point: str) -> None:
    point = load_project(str(ROOT)).get_entry_point(entry_point)
    needed = {name: "x" for name, parameter in point.parameters.items() if parameter.default is None}
    command = point.compute_command(needed, None)
    assert command.startswith("python -m ")
    assert "{" not in command


@pytest.mark.parametrize(
    "kind",
    [
        TrainConfiguration,
        PrepareConfiguration,
        ExploreConfiguration,
        AuditConfiguration,
        EvaluateConfiguration,
        ProtocolConfiguration,
        PromoteConfiguration,
        TuneConfiguration,
    ],
)
def test_setting_names_are_unique_and_documented(kind: type[Configuration]) -> None:
    sections = kind.section_types().values()
    names = [name for section in sections for name in fields_of(section)]
    shared = {"jobs"} if kind is TuneConfiguration else set()
    assert {name for name in names if names.count(name) > 1} == shared
    for section in sections:
        for name, (field, _) in fields_of(section).items():
            assert field.metadata["doc"], name


def test_conda_environment_pins_every_requirement_within_its_range() -> None:
    from packaging.requirements import Requirement

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    conda = yaml.safe_load((ROOT / "conda.yaml").read_text())
    pinned = {Requirement(line).name: Requirement(line) for line in conda["dependencies"][-1]["pip"]}
    for line in wanted:
        requirement = Requirement(line)
        pin = str(pinned[requirement.name].specifier)
        if pin.startswith("=="):
            assert requirement.specifier.contains(pin.removeprefix("==")), line
    assert {Requirement(line).name for line in wanted} == set(pinned)


def test_readme_states_the_clinical_row_as_it_is() -> None:
    rows = [
        f"| `{one.name}` | {one.unit} | {one.low:g} to {one.high:g} | {'yes' if one.measurable else ''} |"
        for one in CLINICAL_COLUMNS
    ]
    assert "\n".join(rows) in (ROOT / "README.md").read_text()


def test_readme_names_every_room() -> None:
    text = (ROOT / "README.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "ecgml").glob("*/__init__.py")}
    assert {room for room in rooms if f"{room}/" not in text} == set()


MAP_LINE = re.compile(r"([a-z]\w*/?(?:, [a-z]\w*/?)*)\s+\S")


@pytest.mark.parametrize(
    "room",
    [
        path.parent.relative_to(ROOT).as_posix()
        for top in ("ecgml", "tuning")
        for path in sorted((ROOT / top).rglob("__init__.py"))
    ],
)
def test_a_rooms_map_names_every_module_and_nothing_else(room: str) -> None:
    """The map is the paragraph of a room's docstring whose lines begin with names of modules."""
    folder = ROOT / room
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    maps = [
        [MAP_LINE.match(line) for line in paragraph.splitlines()]
        for paragraph in docstring.split("\n\n")[1:]
        if all(MAP_LINE.match(line) for line in paragraph.splitlines())
    ]
    named = [name.strip("/") for lines in maps for match in lines for name in match[1].split(", ")]
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    assert sorted(named) == sorted(name for name in modules if not name.startswith("__"))


def test_clinical_columns_take_over_what_is_measured() -> None:
    columns = {column.name: column for column in CLINICAL_COLUMNS}
    shared = [one for one in (*MEASUREMENTS, *INTERVAL_MEASUREMENTS) if one.name in columns]
    assert {one.name for one in shared} == {column.name for column in CLINICAL_COLUMNS if column.measurable}
    assert {one.name for one in MEASUREMENTS} | set(INTERVAL_COLUMNS) == {one.name for one in shared}
    for one in shared:
        column = columns[one.name]
        assert (column.unit, column.low, column.high, column.circular) == (one.unit, one.low, one.high, one.circular)


def documented_parameters(docstring: str) -> list[str]:
    """Return the names in a docstring's section of parameters."""
    section = re.search(r"Parameters\n-+\n(.*?)(?=\n[A-Z][a-z]+\n-+|\Z)", docstring, re.DOTALL)
    lines = section.group(1).splitlines() if section else []
    starts = [line.split(" : ")[0] for line in lines if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for start in starts for name in start.split(",")]


def test_docstrings_name_parameters_that_exist() -> None:
    wrong = []
    for path in (*ROOT.glob("ecgml/**/*.py"), *ROOT.glob("tuning/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                rest = (node.args.vararg, node.args.kwarg)
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, *rest]
                names = {argument.arg for argument in every if argument}
                documented = documented_parameters(ast.get_docstring(node) or "")
                wrong += [f"{path.name}, {node.name}: {name}" for name in documented if name not in names]
    assert not wrong
