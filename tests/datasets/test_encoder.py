"""The clinical encoder: imputes, scales, flags, survives JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecgml.datasets.encoder import LIMIT, ClinicalEncoder
from ecgml.errors import CheckpointError
from ecgml.records.clinical import CLINICAL_COLUMNS, CLINICAL_NAMES

N = len(CLINICAL_NAMES)
AGE, SEX, AXIS = (CLINICAL_NAMES.index(name) for name in ("age", "sex", "r_axis"))


def rows(**columns: list[float]) -> np.ndarray:
    n = len(next(iter(columns.values())))
    table = np.full((n, N), np.nan, dtype=np.float32)
    for name, values in columns.items():
        table[:, CLINICAL_NAMES.index(name)] = values
    return table


def value_column(name: str) -> int:
    """The first encoded column of a clinical column: an angle takes two."""
    at = CLINICAL_NAMES.index(name)
    return at + sum(column.circular for column in CLINICAL_COLUMNS[:at])


def test_training_rows_are_centred_on_the_median_and_scaled() -> None:
    table = rows(age=[20.0, 40.0, 60.0, 80.0, 100.0])
    encoded = ClinicalEncoder.fit(table).encode(table)[:, value_column("age")]
    np.testing.assert_allclose(
        encoded, (np.array([20, 40, 60, 80, 100]) - 60) / np.std([20, 40, 60, 80, 100]), rtol=1e-6
    )


def test_centre_is_the_median_and_not_the_mean() -> None:
    """One mistyped age must not move where missing ones are put."""
    encoder = ClinicalEncoder.fit(rows(age=[20.0, 40.0, 60.0, 70.0, 1000.0]))
    assert encoder.encode(rows(age=[60.0]))[0, value_column("age")] == 0


def test_missing_value_is_zero_and_flagged() -> None:
    encoder = ClinicalEncoder.fit(rows(age=[20.0, 60.0, 70.0]))
    encoded = encoder.encode(rows(age=[np.nan]))[0]
    assert encoded[value_column("age")] == 0
    assert encoded[-N + AGE] == 1
    assert encoder.encode(rows(age=[50.0]))[0, -N + AGE] == 0


def test_column_that_no_training_row_has_is_always_encoded_as_missing() -> None:
    encoder = ClinicalEncoder.fit(rows(age=[20.0, 60.0]))
    np.testing.assert_array_equal(encoder.encode(rows(age=[30.0], sex=[1.0])), encoder.encode(rows(age=[30.0])))


def test_angles_that_are_close_are_encoded_close() -> None:
    table = rows(r_axis=[-179.0, 181.0, 0.0])
    encoded = ClinicalEncoder.fit(table).encode(table)
    at = value_column("r_axis")
    np.testing.assert_allclose(encoded[0, at : at + 2], encoded[1, at : at + 2], atol=1e-6)
    np.testing.assert_allclose(encoded[2, at : at + 2], [1, 0], atol=1e-6)


def test_absurd_value_is_limited() -> None:
    encoder = ClinicalEncoder.fit(rows(age=[20.0, 60.0, 70.0]))
    assert encoder.encode(rows(age=[1e6]))[0, value_column("age")] == LIMIT


def test_json_round_trip_encodes_alike() -> None:
    table = rows(age=[20.0, 60.0, 70.0], r_axis=[10.0, np.nan, 90.0])
    encoder = ClinicalEncoder.fit(table)
    again = ClinicalEncoder.from_json(json.loads(json.dumps(encoder.to_json())), "there")
    np.testing.assert_array_equal(again.encode(table), encoder.encode(table))
    assert encoder.encode(table).shape == (3, encoder.n_out)


def test_encoder_of_other_columns_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"there: made for other clinical columns \(height\)"):
        ClinicalEncoder.from_json({"names": ["height"], "center": [0], "scale": [1]}, "there")
