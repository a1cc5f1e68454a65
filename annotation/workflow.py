"""The verbs of a case's life, in one list. Each is keyword-only, one transaction, one audit row.

========================  =====================================================================
``open_reading``          lead: cases and assignments for all eligible patients
``save_draft``            reader: autosave over the revision it was made from
``sign_reading``          reader: sign; compares, labels or refers the case
``amend_reading``         observer: a new version, before the two reads are compared
``save_consensus``        either observer: edit the agreed form
``propose_consensus``     one observer signs the agreed form
``confirm_consensus``     the other signs it: final
``decline_consensus``     either: no consensus, so the adjudicator reads
``resolve_review``        lead: unreadable scans and proposed exclusions
``freeze_charter``        lead: the next version of the settings
``replace_reader``        lead: another reads what a leaving reader has not signed
========================  =====================================================================

The table of states is in ``transitions``. Phantom cases have verbs and a table of their own, in
``qualification``.
"""

from annotation.charter import freeze as freeze_charter
from annotation.consensus import confirm_consensus, decline_consensus, propose_consensus, save_consensus
from annotation.lead_review import resolve_review
from annotation.read_plan import open_reading
from annotation.reading import amend_reading, save_draft, sign_reading
from annotation.replacement import replace_reader
from annotation.transitions import TRANSITIONS, Act, advance

__all__ = [
    "TRANSITIONS",
    "Act",
    "advance",
    "amend_reading",
    "confirm_consensus",
    "decline_consensus",
    "freeze_charter",
    "open_reading",
    "propose_consensus",
    "replace_reader",
    "resolve_review",
    "save_consensus",
    "save_draft",
    "sign_reading",
]
