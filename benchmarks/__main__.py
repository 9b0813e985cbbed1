# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``make bench``: measure, write ``benchmarks/results/latest.json``, and put the table into the README."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

from benchmarks.main_job import run
from codecommons.errors import CodeCommonsError
from codecommons.settings import Settings

RESULT = Path("benchmarks/results/latest.json")
README = Path("README.md")
_PLACE = re.compile(r"(<!-- benchmark -->\n).*?(\n<!-- /benchmark -->)", re.DOTALL)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="The main job per stage, and ingestion against its limit."
    )
    parser.add_argument(
        "packages", nargs="?", type=Path, default=Path("examples/packages.txt"), help="the list (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="every eighth archive; nothing is written")
    arguments = parser.parse_args()
    start = time.perf_counter()

    def say(line: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s  {line}", file=sys.stderr, flush=True)

    try:
        result = run(Settings.from_environment(), arguments.packages, Path("examples/datasets"), arguments.quick, say)
    except CodeCommonsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    table = result.to_markdown()
    print(table)
    if not arguments.quick:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(result.to_json(), indent=2) + "\n")
        if README.is_file():
            README.write_text(_PLACE.sub(lambda found: found[1] + table + found[2], README.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
