# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""From a few lines of YAML to a data frame: plan a dataset, build it, verify it, load it.

``python examples/research.py [FILE.yaml]``, in the folder whose ``.codecommons`` has a lake (``make demo`` makes one), or with
``CODECOMMONS_HOME`` naming it. The command line does the same: ``codecommons dataset plan``, ``build``, ``verify``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from codecommons import datasets
from codecommons.engine import local_engine
from codecommons.errors import CodeCommonsError
from codecommons.lake import Lake

EXAMPLE = Path(__file__).with_name("datasets") / "python-permissive.yaml"


def research(file: Path) -> pl.DataFrame:
    """The rows of the dataset that a file describes.

    Raises:
        CodeCommonsError: the file is wrong, the lake is empty, or the dataset may not be published; the message says why.
    """
    lake = Lake.open()
    settings = lake.settings
    datasets.keep_specification(settings, file)
    name = file.stem

    planned = datasets.plan(lake, datasets.specification(settings, name))
    print(f"{planned.rows:,} of {planned.candidates:,} files, {planned.bytes / 1e6:.1f} MB; about {planned.predicted.seconds} s")
    print(f"most files are left out by: {planned.removed_most}")

    report = datasets.build(lake, local_engine(settings), name)
    for check in report.checks:
        if not check.passed:
            raise CodeCommonsError(f"{name} is not published, {check.name}: {check.description}")

    fingerprint = report.details["fingerprint"]
    proof = datasets.verify(lake, name, fingerprint)
    if not proof.passed:
        raise CodeCommonsError(f"{name} {fingerprint[:12]}: {proof.problems[0]}")
    print(f"{proof.rows:,} rows re-hash to their SWHIDs; release {fingerprint[:12]}")

    return datasets.scan(lake, name, fingerprint).collect()


def main() -> int:
    """Read the command line."""
    try:
        rows = research(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE)
    except CodeCommonsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(rows.select("swhid", "license", "origin", "path", "length"))
    print(rows.group_by("license").agg(pl.len().alias("files"), pl.sum("length")).sort("files", descending=True).head(10))
    return 0


# The workers that write shards import this file again.
if __name__ == "__main__":
    sys.exit(main())
