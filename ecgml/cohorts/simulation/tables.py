"""The spreadsheets beside the recordings, as the data set's authors published them, spelling included."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from openpyxl import Workbook

from ecgml.cohorts.simulation.cardiograph import DIAGNOSTICS_COLUMNS

# Diagnostics writes SA, this table SI; codes are padded with blanks.
_RHYTHM_NAMES = (
    ("SB  ", "Sinus Bradycardia"),
    ("SR  ", "Sinus Rhythm"),
    ("AFIB ", "Atrial Fibrillation"),
    ("ST   ", "Sinus Tachycardia"),
    ("AF  ", "Atrial Flutter"),
    ("SI  ", "Sinus Irregularity"),
    ("SVT ", "Supraventricular Tachycardia"),
    ("AT  ", "Atrial Tachycardia"),
    ("AVNRT", "Atrioventricular  Node Reentrant Tachycardia"),
    ("AVRT", "Atrioventricular Reentrant Tachycardia"),
    ("SAAWR", "Sinus Atrium to Atrial Wandering Rhythm"),
)

CONDITIONS = {
    "1AVB": ("1 degree atrioventricular block", "270492004"),
    "2AVB": ("2 degree atrioventricular block", "195042002"),
    "ABI": ("atrial bigeminy", "251173003"),
    "ALS": ("Axis left shift", "39732003"),
    "APB": ("atrial\xa0premature\xa0beats", "284470004"),
    "AQW": ("abnormal Q wave", "164917005"),
    "ARS": ("Axis right shift", "47665007"),
    "AVB": ("atrioventricular block", "233917008"),
    "ERV": ("Early repolarization of the ventricles", "428417006"),
    "IDC": ("Interior differences conduction", "698252002"),
    "IVB": ("Intraventricular block", "698252002"),
    "JEB": ("junctional escape beat", "426995002"),
    "LBBB": ("left bundle branch block", "164909002"),
    "LVHV": ("left ventricle high voltage", "55827005"),
    "LVQRSAL": ("lower voltage QRS in all lead", "251146004"),
    "QTIE": ("QT interval extension", "111975006"),
    "RBBB": ("right bundle branch block", "59118001"),
    "STDD": ("ST drop down", "429622005"),
    "STTC": ("ST-T Change", "428750005"),
    "STTU": ("ST tilt up", "164931005"),
    "TWC": ("T wave Change", "164934002"),
    "TWO": ("T wave opposite", "59931005"),
    "VB": ("ventricular bigeminy", "11157007"),
    "VPB": ("ventricular premature beat", "17338001"),
}
"""Conditions that the simulation knows: full name as published, SNOMED CT code of the PhysioNet edition."""

_ATTRIBUTES = (
    ("FileName", "String", None, "ECG data file name(unique ID)"),
    ("Rhythm", "String", None, "Rhythm Label"),
    ("Beat", "String", None, "Other conditions Label"),
    ("PatientAge", "Numeric", "0-999", "Age"),
    ("Gender", "String", "MALE/FEMAL", "Gender"),
    ("VentricularRate", "Numeric", "0-999", "Ventricular rate in BPM"),
    ("AtrialRate", "Numeric", "0-999", "Atrial rate in BPM"),
    ("QRSDuration", "Numeric - ", "0-999", "QRS duration in msec"),
    ("QTInterval", "Numeric", "0-999", "QT interval in msec"),
    ("QTCorrected", "Numeric", "0-999", "Corrected QT interval in msec"),
    ("RAxis", "Numeric", "-179~180", "R axis"),
    ("TAxis", "Numeric", "-179~181", "T axis"),
    ("QRSCount", "Numeric", "0-254", "QRS count"),
    ("QOnset", "Numeric", "16 Bit Unsigned", "Q onset(In samples)"),
    ("QOffset", "Numeric", "17 Bit Unsigned", "Q offset(In samples)"),
    ("TOffset", "Numeric", "18 Bit Unsigned", "T offset(In samples)"),
)


def write_tables(folder: Path, rows: Sequence[dict[str, str | int]]) -> None:
    """Write Diagnostics, RhythmNames, ConditionNames and AttributesDictionary.

    Parameters
    ----------
    folder : Path
    rows : sequence of dict
        Of Diagnostics, one per record.
    """
    # The published table has ages as text and all other numbers as numbers.
    diagnostics = [
        [str(row[name]) if name == "PatientAge" else row[name] for name in DIAGNOSTICS_COLUMNS] for row in rows
    ]
    names = ("Acronym Name", "Full Name")
    _write_sheet(folder / "AttributesDictionary.xlsx", ("Attributes", "Type", "ValueRange", "Description"), _ATTRIBUTES)
    _write_sheet(folder / "ConditionNames.xlsx", names, [(code, name) for code, (name, _) in CONDITIONS.items()])
    _write_sheet(folder / "RhythmNames.xlsx", names, _RHYTHM_NAMES)
    _write_sheet(folder / "Diagnostics.xlsx", DIAGNOSTICS_COLUMNS, diagnostics)


def _write_sheet(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a workbook of one sheet; the same content gives the same bytes."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Sheet1")
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    written = io.BytesIO()
    workbook.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            # The hour of writing stands in the document's properties and in the archive's directory.
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2020-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(entry.filename), content, zipfile.ZIP_DEFLATED)
