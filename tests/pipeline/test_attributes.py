"""What divides records: the same of a table and of the split that a run keeps of it, unknown where it is not told."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecgml.datasets.table import RecordTable
from ecgml.evaluation.predictions import Predictions
from ecgml.pipeline.job.attributes import attributes_of, attributes_of_split
from ecgml.records.clinical import CLINICAL_NAMES
from tests.datasets.tables import make_table


def people() -> RecordTable:
    """Return four records; the last tells nothing."""
    given = np.full((4, len(CLINICAL_NAMES)), np.nan, dtype=np.float32)
    given[:3, CLINICAL_NAMES.index("age")] = (39, 40, 91)
    given[:3, CLINICAL_NAMES.index("sex")] = (0, 1, 1)
    given[:3, CLINICAL_NAMES.index("ventricular_rate")] = (59, 100, 101)
    return make_table(
        [0, 1, 0, 1],
        given=given,
        dates=np.array(["2018-02-09T08:00", "2018-03-01", "2018-02-28", ""]),
        notes=np.array(["", "V1 is flat", "", ""]),
    )


EXPECTED = {
    "sex": ["male", "female", "female", ""],
    "age": ["0 to 39", "40 to 64", "80 or more", ""],
    "source": ["source"] * 4,
    "date": ["2018-02", "2018-03", "2018-02", ""],
    "signal": ["clean", "with remarks", "clean", "clean"],
    "heart rate": ["below 60", "60 to 100", "above 100", ""],
}


def test_a_table_tells_what_it_holds() -> None:
    assert attributes_of(people()) == EXPECTED


def test_a_runs_split_tells_the_same_in_the_predictions_order() -> None:
    table = people()
    age, sex = (table.given[:, CLINICAL_NAMES.index(name)] for name in ("age", "sex"))
    split = pd.DataFrame({"record": table.record_ids, "age": age, "sex": sex, "date": table.dates, "rate": table.rates})
    order = [2, 0, 3, 1]
    predictions = Predictions(
        tuple(table.record_ids[order]), ("A", "B"), table.y_written[order], np.full((4, 2), 0.5),
        sources=("source",) * 4, notes=tuple(table.notes[order]),
    )  # fmt: skip
    found = attributes_of_split(split, predictions)
    assert found == {name: [values[row] for row in order] for name, values in EXPECTED.items()}
    older = attributes_of_split(split[["record"]], predictions)
    assert older["sex"] == older["date"] == older["heart rate"] == [""] * 4


def test_dates_of_many_months_are_told_apart_by_year() -> None:
    dates = np.array([f"{2001 + month // 12}-{1 + month % 12:02d}-15" for month in range(30)])
    assert set(attributes_of(make_table(np.arange(30) % 2, dates=dates))["date"]) == {"2001", "2002", "2003"}
