"""A registry's export of any size, streamed and the same every time: about 4.1 rows a patient.

Patients leave at every step of the flow: without imaging, with one scan, too soon, without a code, without
a sagittal T2, by chart review.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from tests.builders import HEADERS

_FIRST = date(2001, 1, 1)
_CODES = ("M05.79", "M05.9", "M06.9", "714.0", "L40.50", "M06.4")


def write_registry(folder: Path, patients: int) -> int:
    """Write the four files; returns the number of rows in all."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = 0
    opened = {name: (folder / name).open("w", encoding="utf-8") for name in HEADERS}
    try:
        for name, file in opened.items():
            file.write(",".join(HEADERS[name]) + "\n")
        for k in range(patients):
            for name, line in _patient(k):
                opened[name].write(line)
                rows += 1
    finally:
        for file in opened.values():
            file.close()
    return rows


def _patient(k: int) -> Iterator[tuple[str, str]]:
    # Multiplication by an odd constant modulo 2³² spreads neighbours over the whole range (Knuth, TAOCP 6.4).
    spread = k * 2654435761 % 2**32
    who = f"H{spread:010d}"  # unique, and in no order
    born = date(1930, 1, 1) + timedelta(days=spread % 22000)
    rf, ccp, biologic = (("yes", "no", "")[(spread >> shift) % 3] for shift in (4, 8, 12))
    yield (
        "patients.csv",
        f"{who},Site {spread % 7},{'FFFM'[spread % 4]},{born},2005-06-07,{rf},{ccp},{biologic},no\n",
    )
    system_code = _CODES[(spread >> 16) % len(_CODES)]
    system = "ICD9" if system_code[0] == "7" else "ICD10"
    yield "diagnoses.csv", f"{who},{system},{system_code},2008-01-{1 + spread % 28:02d}\n"
    first = _FIRST + timedelta(days=(spread >> 3) % 3000)
    t2 = ("yes", "yes", "yes", "no", "")[(spread >> 5) % 5]
    part = "LSPINE" if spread % 11 == 0 else "CSPINE"
    for e in range((spread >> 20) % 5):  # 0 to 4 exams, two on average
        day = first + timedelta(days=e * (200 + (spread >> 9) % 1200))
        yield "exams.csv", f"{who},{who}-{e},{day},MR,{part},{t2}\n"
    if spread % 10 == 0:
        decision = ("confirmed", "confirmed", "confirmed", "ra_refuted")[(spread >> 7) % 4]
        yield "chart_review.csv", f"{who},{decision},,2019-05-01\n"
