# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Runs in ScanCode's interpreter, alone: a passage a line comes in as JSON, what ScanCode says of it goes out as JSON.

The first line out is ScanCode's version. Nothing of this package can be imported here.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from importlib.metadata import version


def main() -> None:
    """Answer until there is nothing more to read."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever ScanCode prints is no answer

    def say(value: object) -> None:
        print(json.dumps(value), file=answers, flush=True)

    detect_licenses = importlib.import_module("licensedcode.detection").detect_licenses

    say(version("scancode-toolkit-mini"))
    for line in sys.stdin:
        try:
            found = []
            for detection in detect_licenses(query_string=json.loads(line)):
                if detection.license_expression:
                    lines = [edge for match in detection.matches for edge in (match.start_line, match.end_line)]
                    score = min(match.score() for match in detection.matches)
                    found.append([min(lines), max(lines), detection.spdx_license_expression(), score])
            say(found)
        except Exception as error:
            say(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main()
