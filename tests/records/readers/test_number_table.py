"""The compiled parser agrees with Python's float() wherever it answers at all, and leaves the rest alone."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.records.readers.number_table import parse_table

FORMATS = ("{:.0f}", "{:.1f}", "{:.3f}", "{:.7f}", "{:g}", "{:.5e}", "{:+.2f}", "{:.10g}")


def parse(text: str, n_columns: int, *, columns: list[int] | None = None, start: int = 0) -> np.ndarray | None:
    return parse_table(text.encode(), ",", ".", n_columns, columns or list(range(n_columns)), start)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e-4])
def test_every_number_is_what_float_makes_of_it(scale: float, end: str) -> None:
    rng = np.random.default_rng(0)
    rows = [[rng.choice(FORMATS).format(value) for value in scale * rng.standard_normal(5)] for _ in range(400)]
    for text in (end.join(map(",".join, rows)), end.join(map(",".join, rows)) + end):
        expected = np.array([[float(cell) for cell in row] for row in rows], dtype=np.float32).T
        np.testing.assert_array_equal(parse(text, 5), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,-0\n", [[0.0], [-0.0]]),
        ("1.,.5\n", [[1.0], [0.5]]),
        ("-.5,+3\n", [[-0.5], [3.0]]),
        ("00012,1e3\n", [[12.0], [1000.0]]),
        ("123456789012345,-1E-2", [[123456789012345.0], [-0.01]]),
        ("9999999,-999999\n", [[9999999.0], [-999999.0]]),
    ],
)
def test_odd_but_plain_numbers(text: str, expected: list[list[float]]) -> None:
    np.testing.assert_array_equal(parse(text, 2), np.array(expected, dtype=np.float32))


@pytest.mark.parametrize(
    "text",
    [
        "", "1,2\n\n", "1,2\n3\n", "1,2,3\n", "1,\n", ",1\n", "1, 2\n", "1,nan\n", "1,x\n", "1,-\n", "1,.\n", "1,+-2\n",
        "1,2e\n", "1,1e400\n", "1,1.2.3\n", '"1",2\n', "1,1234567890123456\n", "1,2\n3,4\n5", "1;2\n", "1,--2\n",
    ],
)  # fmt: skip
def test_whatever_is_not_plain_is_left_to_others(text: str) -> None:
    assert parse(text, 2) is None


def test_columns_are_chosen_and_the_header_passed_over() -> None:
    np.testing.assert_array_equal(
        parse("a,b,c\n1,2,3\n4,5,6\n", 3, columns=[2, 0], start=6), np.array([[3, 6], [1, 4]], dtype=np.float32)
    )


def test_other_delimiters_and_decimal_signs() -> None:
    values = parse_table(b"1,5;-2,25\n", ";", ",", 2, [0, 1], 0)
    np.testing.assert_array_equal(values, np.array([[1.5], [-2.25]], dtype=np.float32))


def test_random_bytes_never_do_harm() -> None:
    rng = np.random.default_rng(1)
    alphabet = np.frombuffer(b"0123456789+-.,eE\n\r x", dtype=np.uint8)
    for length in rng.integers(0, 60, 3000):
        data = rng.choice(alphabet, length).tobytes()
        values = parse_table(data, ",", ".", 2, [0, 1], 0)
        if values is not None:
            rows = [line.split(b",") for line in data.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")]
            with np.errstate(over="ignore"):
                expected = np.array([[float(cell) for cell in row] for row in rows]).astype(np.float32).T
            np.testing.assert_array_equal(values, expected)
