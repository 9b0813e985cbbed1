# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Measure all, or the sections that are named; write the results and put the tables into ``docs/accuracy.md``."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from dataclasses import asdict
from pathlib import Path

import benchmarks.accuracy
from benchmarks.accuracy import PAGE, Accuracy, put

RESULT = Path("benchmarks/results/accuracy.json")
DATA = Path("../shared/data")


def to_markdown(found: list[Accuracy]) -> str:
    """The table of one section, and its wrong cases."""
    lines = ["| asked | cases | right | share | |", "|---|---:|---:|---:|---|", *(one.to_markdown() for one in found)]
    for one in found:
        if one.wrong:
            lines += ["", f"Wrong in {one.name}:", "", *(f"- {case}" for case in one.wrong)]
    return "\n".join(lines)


def main() -> int:
    """Read the command line."""
    modules = sorted(info.name for info in pkgutil.iter_modules(benchmarks.accuracy.__path__) if not info.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description="How often the annotators are right.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(modules)} (default: all)")
    parser.add_argument("--data", type=Path, default=DATA, help="the known answers (default: %(default)s)")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(modules):
        parser.error(f"there is no part {sorted(unknown)[0]!r}; there are {', '.join(modules)}")
    if not arguments.data.is_dir():
        print(f"Error: {arguments.data} is not there; name the folder of known answers with --data", file=sys.stderr)
        return 1
    found: list[Accuracy] = []
    for name in arguments.parts or modules:
        found += importlib.import_module(f"benchmarks.accuracy.{name}").measure(arguments.data)
    for one in found:
        if not one.cases:
            print(f"{one.section}, {one.name}: left out, as nothing is there to compare; {one.figures}", file=sys.stderr)
    found = [one for one in found if one.cases]
    sections = list(dict.fromkeys(one.section for one in found))
    results = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    page = PAGE.read_text()
    for section in sections:
        here = [one for one in found if one.section == section]
        print(f"## {section}\n\n{to_markdown(here)}\n")
        results[section] = [{**asdict(one), "share": round(one.share, 4)} for one in here]
        page = put(page, section, to_markdown(here))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
    PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
