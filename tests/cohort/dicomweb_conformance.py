"""A DICOMweb conformance check written from PS3.18: requirement, clause, and whether a server meets it.

Nothing in it is of this project: ``python -m tests.cohort.dicomweb_conformance http://host/dicom-web
[--header 'Cookie: …']`` checks any server that holds at least one image of grey values.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import requests

# Each enters its checks in the list.
from tests.cohort import dicomweb_retrieve_checks, dicomweb_search_checks  # noqa: F401
from tests.cohort.dicomweb_checks import CHECKS, Outcome, Server, value


def run(server: Server) -> Iterator[Outcome]:
    """Every check in turn; a server without images fails at the first."""
    row = server.rows("instances?limit=1")[0]
    server.study, server.series, server.sop = (value(row, t) for t in ("0020000D", "0020000E", "00080018"))
    for requirement, clause, function in CHECKS:
        try:
            function(server)
        except Exception as error:  # whatever goes wrong, it is the server's answer that did it
            detail = str(error).splitlines()[0][:200] if str(error) else ""
            yield Outcome(requirement, clause, False, f"{type(error).__name__}: {detail}")
        else:
            yield Outcome(requirement, clause, True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--header", action="append", default=[], help="e.g. 'Authorization: Bearer …'")
    options = parser.parse_args()
    session = requests.Session()
    session.headers.update(line.split(": ", 1) for line in options.header)
    outcomes = list(run(Server(options.url.rstrip("/"), session)))
    for outcome in outcomes:
        verdict = "pass" if outcome.passed else "FAIL"
        print(f"{verdict}  {outcome.requirement} [{outcome.clause}] {outcome.detail}")
    failed = sum(not outcome.passed for outcome in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} requirements met")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
