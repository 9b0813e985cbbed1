# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``make demo``: a list of real packages through all five stages, as recorded Dagster runs, and the report.

The list names its own slice (``# day: 2026-01-31``), so that every demo everywhere makes the same rows. A second demo finds
everything done; what was quarantined is tried again.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from codecommons.errors import CodeCommonsError, UsageError
from codecommons.report import STAGES, Measure
from codecommons.settings import Settings
from codecommons.status import status

if TYPE_CHECKING:
    from codecommons.lake import Lake

EXAMPLES = Path("examples")


def demo(settings: Settings, packages: Path, specifications: Path) -> bool:
    """Run it.

    Args:
        settings: whose lake.
        packages: the list; its header names the day.
        specifications: folder of dataset specifications; those the home hasn't got are copied there.

    Returns:
        Whether every run succeeded.

    Raises:
        CodeCommonsError: something is missing or wrong that the user can put right.
    """
    from codecommons.archive import add_inputs, read_package_list
    from codecommons.lake import Lake

    day = _day(packages)
    names = _specifications(settings, specifications)
    lake = Lake.open(settings)
    with Measure() as measured:
        with _step("looking the packages up"):
            add_inputs(lake, read_package_list(packages), day)
        with _step("starting Dagster"):
            from codecommons_dagster.instance import run_job
        with _step(f"slice {day}: four stages"):
            finished = [run_job(settings, "ingest" if _settled(lake, day) else "slice", day)]
        for name in names if all(finished) else ():
            with _step(f"dataset {name}: the fifth stage"):
                finished.append(run_job(settings, "dataset", name))
        if all(finished) and (_computed(lake, day, names) or not any(settings.marts.glob("*"))):
            # dbt talks much, and leaves the process in a folder of its own.
            with _step("marts"), redirect_stdout(io.StringIO()), chdir(Path.cwd()):
                finished.append(run_job(settings, "marts"))
    for failure in (failure for one in finished for failure in one.failures):
        print(f"Error: {failure}", file=sys.stderr)
    if not all(finished):
        return False
    from codecommons.demo_report import print_report

    print_report(lake, day, names)
    said = "Done. Run it again and see how little is left to do." if _computed(lake, day, names) else "Nothing was left to do."
    print(f"\n{said} {measured.seconds:.0f} s in all, peak memory {measured.peak_memory / 1e6:,.0f} MB.")
    return True


def _settled(lake: Lake, day: str) -> bool:
    """Whether a slice has come through with all it asked for, so that Great Expectations, slower than the stages, can rest."""
    state = status(lake)
    waiting = any(row["slice"] == day for row in [*state["failed"], *state["stale"]])
    return not waiting and not lake.scan("quarantine").filter(slice=day, kept=False).collect().height


def _computed(lake: Lake, day: str, names: Sequence[str]) -> int:
    """Units of work that the newest runs of a slice's stages and of some datasets had to do."""
    reports = (
        report for report in lake.reports() if report.source in names or (report.slice == day and report.stage != STAGES[-1])
    )
    return sum(report.computed for report in reports)


def _day(packages: Path) -> str:
    found = re.search(r"^# day: (\d{4}-\d{2}-\d{2})$", packages.read_text(), re.MULTILINE) if packages.is_file() else None
    if not found:
        raise UsageError(
            f"{packages} is no list of packages with a line `# day: 2026-01-31`; run this where examples/packages.txt is"
        )
    return found[1]


def _specifications(settings: Settings, folder: Path) -> list[str]:
    """Copy the examples that are not there yet; the user's own changes to them stay.

    Packages have no commits and no issues, and other formats than the usual one may need what is not installed.
    """
    from codecommons.datasets import keep_specification, names
    from codecommons.datasets.specification import Format, parse

    there = names(settings)
    read = {example: parse(example.read_bytes(), example.stem) for example in sorted(folder.glob("*.yaml"))}
    examples = [example for example, asked in read.items() if asked.rows == "files" and asked.format == Format()]
    for example in examples:
        if example.stem not in there:
            keep_specification(settings, example)
    return [example.stem for example in examples]


@contextmanager
def _step(what: str) -> Iterator[None]:
    start = time.perf_counter()
    print(f"{what} ...", flush=True)
    yield
    print(f"  {time.perf_counter() - start:.1f} s", flush=True)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m codecommons_dagster.demo", description="Real packages through all five stages, and a report."
    )
    parser.add_argument(
        "packages", nargs="?", type=Path, default=EXAMPLES / "packages.txt", help="the list (default: %(default)s)"
    )
    arguments = parser.parse_args()
    try:
        return 0 if demo(Settings.from_environment(), arguments.packages, EXAMPLES / "datasets") else 1
    except CodeCommonsError as error:
        print(f"Error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"Error: {error.filename or 'the demo'}: {error.strerror or error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
