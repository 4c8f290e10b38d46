"""An invented Diagnostics table of three records, and spreadsheets written from rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook

COLUMNS = (
    "FileName", "Rhythm", "Beat", "PatientAge", "Gender", "VentricularRate", "AtrialRate", "QRSDuration", "QTInterval",
    "QTCorrected", "RAxis", "TAxis", "QRSCount", "QOnset", "QOffset", "TOffset",
)  # fmt: skip

ROWS = tuple(
    tuple(row.split(","))
    for row in (
        "MUSE_20180113_171327_27000,AFIB,RBBB TWC,85,MALE,117,234,114,356,496,81,-27,19,208,265,386",
        "MUSE_20180112_073319_29000,SB,TWC,59,FEMALE,52,52,92,432,401,76,42,8,215,261,431",
        "MUSE_20180111_165520_97000,SA,NONE,20,FEMALE,67,0,82,382,403,88,20,11,224,265,415",
    )
)


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> Path:
    """Write a spreadsheet; its suffix decides how."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xlsx":
        book = Workbook()
        for row in (header, *rows):
            book.active.append([int(cell) if cell.lstrip("-").isdecimal() else cell for cell in row])
        book.save(path)
    else:
        path.write_text("\n".join(delimiter.join(row) for row in (header, *rows)) + "\n", encoding="utf-8")
    return path
