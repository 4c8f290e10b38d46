"""The list of faults: it fits the code as it is, and what it says of a fault is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mutants.fault import DoesNotApply, Fault
from tests.mutants.registry import FAULTS
from tests.mutants.trial import verdict


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_can_be_put_in_and_its_tests_are_there(fault: Fault) -> None:
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.original) == 1, f"{fault.original!r} is in {fault.file} {text.count(fault.original)} times"
    compile(text.replace(fault.original, fault.faulty), fault.file, "exec")
    assert fault.faulty != fault.original
    for test in fault.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")


def test_names_are_unique_and_say_their_room() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 100
    rooms = {path.stem for path in (ROOT / "tests" / "mutants" / "rooms").glob("[a-z]*.py")}
    assert {name.partition("/")[0] for name in names} == rooms


def test_fault_that_does_not_fit_is_said_and_leaves_the_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    for original, count in (("x = 1", 2), ("x = 2", 0)):
        with pytest.raises(DoesNotApply, match=f"a: its original text is in a.py {count} times"):
            Fault("a", "a.py", original, "x = 3", "", ()).put_into(tmp_path)
    assert (tmp_path / "a.py").read_text() == "x = 1\nx = 1\n"
    whole = Fault("a", "a.py", "x = 1\nx", "y", "", ()).put_into(tmp_path)
    assert (tmp_path / "a.py").read_text() == "y = 1\n"
    assert whole == "x = 1\nx = 1\n"


@pytest.mark.parametrize(
    ("code", "output", "kind"),
    [
        (0, "1 passed", "survived"),
        (1, "FAILED tests/test_a.py::test_b - assert 0", "caught"),
        (None, "", "caught"),
        (2, "ERROR tests/test_a.py\nInterrupted: 1 error during collection", "broken"),
        (5, "no tests ran", "broken"),
        (-11, "", "broken"),
    ],
)
def test_only_a_failing_test_notices_a_fault(code: int | None, output: str, kind: str) -> None:
    assert verdict(code, output)[0] == kind
