"""Binary formats of signal files: worked by hand from the manual, and against the wfdb package."""

from __future__ import annotations

import numpy as np
import pytest

from ecgml.records.readers.wfdb_samples import INVALID, decode, n_bytes, n_values


@pytest.mark.parametrize(
    ("code", "data", "samples"),
    [
        (16, "0100 ffff 0080", [1, -1, -32768]),
        (61, "0001 ffff 8000", [1, -1, -32768]),
        (32, "01000000 ffffffff 00000080", [1, -1, -(2**31)]),
        (24, "010000 ffffff 000080 ffff7f", [1, -1, -(2**23), 2**23 - 1]),
        (80, "81 7f 00 ff", [1, -1, -128, 127]),
        # First: low byte, then the low half of the middle byte; second: low byte last, its high half the middle's.
        (212, "01 f0 ff", [1, -1]),
        (212, "ff 0f 01", [-1, 1]),
        (212, "00 88 00", [-2048, -2048]),
        (212, "ff 77 fe", [2047, 2046]),
        (212, "ff 77 fe 05 00", [2047, 2046, 5]),  # an odd count ends in two bytes
    ],
)
def test_formats_decode_as_the_manual_says(code, data, samples):
    decoded = decode(bytes.fromhex(data), code, len(samples))
    assert decoded.tolist() == samples
    assert n_bytes(code, len(samples)) == len(bytes.fromhex(data))


@pytest.mark.parametrize("code", INVALID)
def test_a_whole_number_of_samples_fits_into_the_bytes_it_takes(code):
    for count in range(1, 50):
        assert n_values(code, n_bytes(code, count)) == count
        assert n_values(code, n_bytes(code, count) - 1) < count


@pytest.mark.filterwarnings("ignore")  # The package uses what pandas deprecates.
@pytest.mark.parametrize("code", [code for code in INVALID if code != 61])
def test_formats_decode_as_the_wfdb_package_writes_them(wfdb, tmp_path, code):
    """Written by wfdb.wrsamp; the package does not write format 61."""
    limit = -INVALID[code] - 1
    steps = np.random.default_rng(code).integers(-limit, limit, size=(101, 3))
    wfdb.wrsamp(
        "x", fs=500, units=["mV"] * 3, sig_name=["I", "II", "V1"], d_signal=steps, fmt=[str(code)] * 3,
        adc_gain=[1000.0] * 3, baseline=[0] * 3, write_dir=str(tmp_path),
    )  # fmt: skip
    decoded = decode((tmp_path / "x.dat").read_bytes(), code, steps.size)
    np.testing.assert_array_equal(decoded.reshape(steps.shape), steps)
