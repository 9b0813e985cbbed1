# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``python -m benchmarks.faults [KIND…]``: try faults and write the table; without a kind all of them.

Exit code 1 when anything came out otherwise than it should. Results of kinds that are not tried again stay in the table.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.faults.tries import KINDS, Tried
from benchmarks.faults.world import World

_ROOT = Path(__file__).resolve().parents[2]
RESULTS = _ROOT / "benchmarks" / "results" / "faults.json"
PAGE = _ROOT / "docs" / "faults.md"
_BEGIN, _END = "<!-- tries -->", "<!-- end of tries -->"


def main() -> int:
    """Try what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"any of {', '.join(KINDS)}")
    parser.add_argument("--seed", type=int, default=20260131)
    parser.add_argument("--kills", type=int, default=100)
    asked = parser.parse_args()
    if unknown := [kind for kind in asked.kinds if kind not in KINDS]:
        parser.error(f"there is no kind {unknown[0]}; there are {', '.join(KINDS)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    failed = False
    with tempfile.TemporaryDirectory(prefix="codecommons-faults-") as folder:
        world = World.make(Path(folder), repository=False)
        for kind in asked.kinds or KINDS:
            begun = time.perf_counter()
            tried: list[Tried] = list(KINDS[kind](world, asked.seed, asked.kills))
            results[kind] = [dataclasses.asdict(one) for one in tried]
            for one in tried:
                failed = failed or one.unexpected > 0
                print(f"{one.fault}: {one.times} tries, {one.outcome}{f'; UNEXPECTED {one.details}' if one.unexpected else ''}")
            print(f"{kind}: {time.perf_counter() - begun:.0f} s", flush=True)
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
            _write_page([Tried(**row) for name in KINDS for row in results.get(name, ())])
    return int(failed)


def _write_page(tried: list[Tried]) -> None:
    """Put the table between its marks, whatever a person has written around it."""
    rows = ["| fault | tries | outcome | as it should |", "|---|---:|---|---:|"]
    rows += [f"| {one.fault} | {one.times} | {one.outcome} | {one.times - one.unexpected} |" for one in tried]
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    PAGE.write_text(f"{before}{_BEGIN}\n\n" + "\n".join(rows) + f"\n\n{_END}{after}")


if __name__ == "__main__":
    sys.exit(main())
