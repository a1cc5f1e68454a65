"""The four files of a cohort export, column by column: meaning, spellings, templates. No Django."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One documented column.

    ``kind`` is ``id``, ``text``, ``date``, ``flag`` or ``choice``; ``names`` are other headers that plainly
    mean the same.
    """

    name: str
    kind: str
    meaning: str
    example: str = ""
    required: bool = False
    limit: int = 64
    names: tuple[str, ...] = ()
    #: Spelling in lower case → what it stands for; for ``flag`` and ``choice``.
    spellings: tuple[tuple[str, str], ...] = ()

    def allowed(self) -> list[str]:
        """What a value may stand for."""
        return list(dict.fromkeys(meaning for _, meaning in self.spellings if meaning))


def _spelled(**meanings: str) -> tuple[tuple[str, str], ...]:
    """``yes="y true"`` → (("yes", "yes"), ("y", "yes"), …); an underscore in the text stands for a space."""
    pairs = []
    for meaning, words in meanings.items():
        key = "" if meaning == "unknown" else meaning
        pairs += [(word.replace("_", " "), key) for word in words.split()]
    return tuple(pairs)


_UNKNOWN = "unknown unbekannt onbekend n/a na null ?"
_FLAG = _spelled(
    yes="yes y true t 1 ja j oui si sí positive positiv pos + present",
    no="no n false f 0 nein nee non negative negativ neg - absent",
    unknown=_UNKNOWN,
)
_SEX = _spelled(
    F="f female w woman weiblich frau v vrouw vrouwelijk femme féminin",
    M="m male man männlich mann mannelijk homme masculin",
    O="o other divers diverse intersex anders",
    unknown=_UNKNOWN,
)
_SYSTEM = _spelled(
    ICD9="icd9 icd-9 icd_9 icd9cm icd-9-cm icd_9_cm",
    ICD10="icd10 icd-10 icd_10 icd10cm icd-10-cm icd_10_cm icd10gm icd-10-gm",
)
#: The decisions of ``ChartReview.Decision``: kept equal to it by a test.
DECISIONS = (
    "confirmed", "ra_refuted", "no_adequate_follow_up", "junction_surgery", "odontoid_fracture", "other",
)  # fmt: skip
_DECISION = tuple(
    (spelling, decision) for decision in DECISIONS for spelling in {decision, decision.replace("_", " ")}
)

_PATIENT = Column(
    "patient_id", "id", "The hospital's id of the patient, the same as in the DICOM files; stored only as a "
    "keyed hash.", "4711", required=True,
    names=("patient", "patient_no", "patient_nr", "patient_number", "pat_id", "pat_nr", "patid", "patientid",
           "patientnr", "patientnummer", "mrn", "subject_id", "pid"),
)  # fmt: skip

FILES: dict[str, tuple[Column, ...]] = {
    "patients": (
        _PATIENT,
        Column("site", "text", "Where the patient was seen.", "Site A",
               names=("center", "centre", "hospital", "clinic", "zentrum", "centrum")),
        Column("sex", "choice", "F, M or O (other).", "F", spellings=_SEX,
               names=("gender", "geschlecht", "geslacht", "sexe")),
        Column("birth_date", "date", "Date of birth; stored shifted.", "1950-01-31",
               names=("dob", "date_of_birth", "birthdate", "birthday", "geburtsdatum", "geboortedatum")),
        Column("ra_diagnosis_date", "date", "When rheumatoid arthritis was diagnosed.", "2005-06-07",
               names=("ra_date", "diagnosis_date", "date_of_diagnosis")),
        Column("rf", "flag", "Rheumatoid factor positive.", "yes", spellings=_FLAG,
               names=("rheumatoid_factor", "rf_positive", "rheumafaktor", "reumafactor")),
        Column("anti_ccp", "flag", "Antibodies against citrullinated peptides.", "no", spellings=_FLAG,
               names=("ccp", "anticcp", "acpa", "anti_ccp_positive")),
        Column("infliximab", "flag", "Ever treated with infliximab.", "no", spellings=_FLAG,
               names=("remicade",)),
        Column("other_biologic", "flag", "Ever treated with another biologic.", "no", spellings=_FLAG,
               names=("other_biologics", "biologic", "biologics")),
    ),
    "diagnoses": (
        _PATIENT,
        Column("system", "choice", "ICD9 or ICD10.", "ICD10", required=True, spellings=_SYSTEM,
               names=("code_system", "coding_system", "vocabulary")),
        Column("code", "text", "The code, with or without its dot.", "M05.79", required=True, limit=16,
               names=("icd", "icd_code", "diagnosis_code", "dx_code", "diagnosis")),
        Column("date", "date", "When it was coded.", "2008-01-01",
               names=("diagnosis_date", "dx_date", "coded_on", "datum")),
    ),
    "exams": (
        _PATIENT,
        Column("exam_id", "id", "The exam's id, best the accession number of the DICOM files; unique for its "
               "patient; stored only as a keyed hash.", "A-1001", required=True,
               names=("accession", "accession_no", "accession_nr", "accession_number", "exam", "exam_no",
                      "examination_id", "study_id")),
        Column("date", "date", "When it was done; stored shifted.", "2010-03-01", required=True,
               names=("exam_date", "study_date", "examination_date", "scan_date", "datum")),
        Column("modality", "text", "MR for magnetic resonance; other modalities are counted, not read.", "MR",
               required=True, limit=16, names=("modalities", "modalität", "modaliteit")),
        Column("body_part", "text", "Such as CSPINE, cervical spine, neck.", "CSPINE",
               names=("bodypart", "region", "anatomy", "body_region")),
        Column("sagittal_t2", "flag", "Whether a sagittal T2 series is among it.", "yes", spellings=_FLAG,
               names=("sag_t2", "t2_sagittal", "t2_sag")),
    ),
    "chart_review": (
        _PATIENT,
        Column("decision", "choice", f"One of {', '.join(DECISIONS)}.", "confirmed", required=True,
               spellings=_DECISION, names=("result", "outcome", "verdict")),
        Column("note", "text", "Free text; the patient's id and dates in it are replaced.", limit=4000,
               names=("notes", "remark", "remarks", "comment", "comments", "reason")),
        Column("date", "date", "When it was decided; the newest counts.", "2016-01-01",
               names=("review_date", "decided_on", "datum")),
    ),
}  # fmt: skip
COLUMNS: dict[str, tuple[str, ...]] = {kind: tuple(c.name for c in cs) for kind, cs in FILES.items()}

#: Rows of a template that explain it; the importer passes them over and says how many there were.
COMMENT = "# "


def plain(header: str) -> str:
    """A header in lower case with underscores: ``Patient-ID `` → ``patient_id``."""
    return re.sub(r"[^\w]+", "_", header.strip().lower()).strip("_")


def template(kind: str) -> str:
    """A CSV with the documented header, and each column explained in a comment row below it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS[kind])
    for column in FILES[kind]:
        need = "required" if column.required else "may be empty"
        how = {
            "date": " YYYY-MM-DD.",
            "flag": " yes or no; empty for unknown.",
        }.get(column.kind, "")
        example = f" Example: {column.example}" if column.example else ""
        writer.writerow([f"{COMMENT}{column.name}: {column.meaning}{how} ({need}){example}"])
    return text.getvalue()
