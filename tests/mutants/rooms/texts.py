"""Faults of reading text files: numbers, times, names, what stands above and beside them."""

from __future__ import annotations

from tests.mutants.fault import Fault

SIGNS = "ecgml/records/readers/number_signs.py"
TIMES = "ecgml/records/readers/time_column.py"
HEADER = "ecgml/records/readers/header_row.py"
LAYOUT = "ecgml/records/readers/layout.py"
TESTS = ("tests/records/readers/test_text_variants.py", "tests/records/readers/test_delimited.py")
LEADS = ("tests/records/test_leads.py",)

FAULTS = (
    Fault(
        "texts/one-sign-is-the-decimal-sign",
        SIGNS,
        "    if not all(_is_grouped(cell, sign) for cell in cells):\n        return sign",
        "    if True:\n        return sign",
        "1,234 µV are read as 1.234",
        TESTS,
    ),
    Fault(
        "texts/one-sign-is-thousands",
        SIGNS,
        "    if any(len(number) > 3 for number in digits if number.isdigit()):\n        return sign",
        "    if False:\n        return sign",
        "1.234 beside 1500 is read as 1234",
        TESTS,
    ),
    Fault(
        "texts/doubtful-sign-is-taken",
        SIGNS,
        "    example = _example(cells, sign)\n    raise",
        "    example = _example(cells, sign)\n    return sign, ''\n    raise",
        "numbers that may be thousands are read as decimals without a word",
        TESTS,
    ),
    Fault(
        "texts/both-signs-the-other-way",
        SIGNS,
        "        return fitting[0]",
        "        return fitting[0][::-1]",
        "1.234,5 is read with its signs exchanged",
        TESTS,
    ),
    Fault(
        "texts/apostrophes-stay",
        SIGNS,
        'return _MARKED_GROUPS.sub(lambda match: _MARKS.sub("", match[0]), decode(data)).encode()',
        "return decode(data).encode()",
        "1'234 is no number",
        TESTS,
    ),
    Fault(
        "texts/gaps-in-time-passed-over",
        TIMES,
        "    if odd.any():",
        "    if False:",
        "what is before and behind a gap is put together as one recording",
        TESTS,
    ),
    Fault(
        "texts/midnight-is-a-gap",
        TIMES,
        "steps = (steps + _DAY_S / 2) % _DAY_S - _DAY_S / 2",
        "pass",
        "a recording over midnight is refused",
        TESTS,
    ),
    Fault(
        "texts/unnamed-times-in-seconds",
        TIMES,
        "return 1.0 if step < 0.1 else 1e-3 if step < 100 else 1e-6",
        "return 1.0",
        "times in ms state a rate a thousand times too low",
        TESTS,
    ),
    Fault(
        "texts/rounded-times-contradict",
        TIMES,
        "if given is not None and lowest * (1 - _EXACT) <= given <= highest * (1 + _EXACT):",
        "if given is not None and given == steps.size / span / scale:",
        "times that are rounded contradict the rate that they come from",
        TESTS,
    ),
    Fault(
        "texts/whole-seconds-state-a-rate",
        TIMES,
        "    if highest - lowest > 2 * _MAX_DOUBT * estimate:\n        return None\n",
        "",
        "times too coarse for it state a sampling frequency",
        TESTS,
    ),
    Fault(
        "texts/first-sample-numbers-the-columns",
        HEADER,
        '    elif len(numbers) > 7 or (len(body) > 1 and all("." in line for line in body[1:])):\n        return True',
        "    elif True:\n        return True",
        "a first sample of 0, 1, 2 is thrown away",
        TESTS,
    ),
    Fault(
        "texts/names-higher-up-passed-over",
        HEADER,
        "if sum(canonical_lead(word) is not None for word in _words(line)) > 2:",
        "if False:",
        "names that are not one a column are left aside, and the leads taken in the usual order",
        TESTS,
    ),
    Fault(
        "texts/kilohertz-are-hertz",
        HEADER,
        '* (1000 if match["kilo"] else 1)',
        "* 1",
        "1 kHz is read as 1 Hz",
        TESTS,
    ),
    Fault(
        "texts/unit-row-not-read",
        LAYOUT,
        '        units = (" ".join(cells[:n_words]), *cells[n_words:])\n',
        "",
        "units below the names are left aside",
        TESTS,
    ),
    Fault(
        "texts/row-numbers-are-a-lead",
        LAYOUT,
        "    if is_index:\n        return replace",
        "    if False:\n        return replace",
        "numbers of the rows are taken for a lead",
        TESTS,
    ),
    Fault(
        "texts/truncated-lead-is-filled",
        LAYOUT,
        "        if len(cells) != len(rows[0]):\n",
        "        if False:\n",
        "where a row is a lead, a truncated one is not noticed",
        TESTS,
    ),
    Fault(
        "texts/numbered-channels-are-chest-leads",
        LAYOUT,
        'numbered=f"{kept[0]} to {kept[-1]}" if is_doubtful else None,',
        "numbered=None,",
        "V1 to V12 are taken for I to V6",
        TESTS,
    ),
    Fault(
        "texts/lead-1-to-12-are-names",
        "ecgml/records/leads.py",
        'are_leads = None not in leads and (word.lower() == "v" or len(leads) <= len(_ARABIC))',
        "are_leads = None not in leads",
        "C1 to C6 alone, which only number the channels, are taken for chest leads",
        LEADS,
    ),
    Fault(
        "texts/unit-stays-in-the-name",
        "ecgml/records/readers/cells.py",
        '    if match and canonical_lead(match["name"]) and is_voltage(match["unit"]):',
        "    if False:",
        "V1 (µV) is read in the unit of the rest",
        TESTS,
    ),
)
