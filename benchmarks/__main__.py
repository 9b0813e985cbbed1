# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``make bench``: measure every part, write ``benchmarks/results/latest.json``, and put what it says into the README.

The parts are modules of this package and run alone, too (``python -m benchmarks.trees``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from benchmarks import fetch, git, main_job, trees
from codecommons.errors import CodeCommonsError
from codecommons.settings import Settings

RESULT = Path("benchmarks/results/latest.json")
README = Path("README.md")
SPECIFICATIONS = Path("examples/datasets")
_PLACE = re.compile(r"(<!-- benchmark -->\n).*?(\n<!-- /benchmark -->)", re.DOTALL)


class Measured(Protocol):
    """What a part returns."""

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the result file."""
        ...

    def to_markdown(self) -> str:
        """A table or some sentences, for the README."""
        ...


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="The main job per stage, and our parts beside those of others."
    )
    parser.add_argument(
        "packages", nargs="?", type=Path, default=Path("examples/packages.txt"), help="the list (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="the main job alone, with every eighth archive; nothing is written")
    parser.add_argument("--peers", default=sys.executable, help="an interpreter that has swh-loader-git (default: this one)")
    arguments = parser.parse_args()
    start = time.perf_counter()

    def say(line: str) -> None:
        print(f"{time.perf_counter() - start:6.1f} s  {line}", file=sys.stderr, flush=True)

    settings, packages = Settings.from_environment(), arguments.packages
    parts: dict[str, Callable[[], Measured]] = {
        "main_job": lambda: main_job.run(settings, packages, SPECIFICATIONS, arguments.quick, say),
        "trees": lambda: trees.run(settings, packages),
        "fetch": lambda: fetch.run(settings),
        "git": lambda: _git(settings, arguments.peers),
    }
    results: dict[str, Measured] = {}
    for name, part in list(parts.items())[: 1 if arguments.quick else None]:
        say(name)
        try:
            results[name] = part()
        except CodeCommonsError as error:
            print(f"Error: {name}: {error}", file=sys.stderr)
            return 1
    text = "\n\n".join(result.to_markdown() for result in results.values())
    print(text)
    if not arguments.quick:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps({name: result.to_json() for name, result in results.items()}, indent=2) + "\n")
        if README.is_file():
            README.write_text(_PLACE.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", README.read_text()))
    return 0


def _git(settings: Settings, peers: str) -> Measured:
    with tempfile.TemporaryDirectory(prefix="codecommons-") as folder:
        repository = Path(folder, "history.git")
        git.make_history(repository)
        return git.measure(repository, peers, settings)


if __name__ == "__main__":
    sys.exit(main())
