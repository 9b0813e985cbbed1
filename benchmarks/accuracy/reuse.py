# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Licence decisions against the ``reuse`` tool, on packages whose authors state the licence of every file (REUSE 3.3).

Each goes through the product twice: as it is, and without what gives the answers away: lines with an SPDX tag, ``REUSE.toml``,
``.reuse`` and files ``x.license``. What is left then are licence files, with the texts of all of the package's licences, notices
and metadata.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy import Accuracy
from benchmarks.accuracy.decisions import DAY
from benchmarks.corpus import lend_cache
from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice, slice_roots
from codecommons.archive.source import sources
from codecommons.engine import local_engine
from codecommons.lake import Lake, SliceInput
from codecommons.license import decisions, policy, qualify_slice
from codecommons.license.expressions import conjunction, families
from codecommons.settings import Settings
from codecommons.swhid import SYMLINK_PERMS

SECTION = "Licences beside REUSE"
PACKAGES = (
    "antsibull-changelog==0.36.0",
    "antsibull-core==3.6.0",
    "antsibull-docs==2.28.0",
    "antsibull-docs-parser==1.2.3",
    "antsibull-docutils==1.4.1",
    "antsibull-fileutils==1.5.3",
)
_TAG = b"SPDX-License-Identifier"


def measure(data: Path) -> list[Accuracy]:
    """Two rows: the packages as they are, and with the answers hidden."""
    with tempfile.TemporaryDirectory(prefix="codecommons-") as place:
        whole, hidden = Path(place, "whole"), Path(place, "hidden")
        settings = Settings.from_environment()
        for package in PACKAGES:
            _lay_out(settings, package, whole / package.replace("==", "-"))
        expected = dict(_stated(whole))
        shutil.copytree(whole, hidden)
        _hide(hidden)
        return [
            _measured("REUSE packages as they are", settings, whole, expected),
            _measured("REUSE packages, tags and lists hidden", settings, hidden, expected),
        ]


def _lay_out(settings: Settings, package: str, folder: Path) -> None:
    source: Any = sources(settings)["pypi"]
    wanted = source.resolve(SliceInput(DAY, "pypi", package), settings)
    with source.unpacked(source.fetch(wanted, settings), settings) as members:
        for member in members:
            if member.data is not None and member.perms != SYMLINK_PERMS:
                # The project begins below the folder that the archive has everything in.
                target = folder / member.path.decode("utf-8", "replace").partition("/")[2]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(member.data)


def _stated(packages: Path) -> Iterator[tuple[str, str]]:
    """Path below the folder of packages, and the licence that the tool finds, of every file that it speaks of."""
    from reuse.project import Project

    for package in sorted(packages.iterdir()):
        project = Project.from_directory(package)
        for path in sorted(project.all_files()):
            licenses = [str(one) for info in project.reuse_info_of(path) for one in info.spdx_expressions]
            if licenses:
                yield str(Path(path).resolve().relative_to(packages.resolve())), conjunction(sorted(set(licenses)))


def _hide(packages: Path) -> None:
    for path in [one for one in packages.rglob("*") if one.is_file()]:
        if path.name == "REUSE.toml" or path.suffix == ".license" or ".reuse" in path.parts:
            path.unlink()
        else:
            path.write_bytes(b"\n".join(line for line in path.read_bytes().split(b"\n") if _TAG not in line))


def _measured(name: str, settings: Settings, packages: Path, expected: dict[str, str]) -> Accuracy:
    mine = policy(settings, "permissive")
    with tempfile.TemporaryDirectory(prefix="codecommons-") as place:
        lend_cache(settings, Path(place))
        lake = Lake.open(Settings(Path(place), f"{place}/lake", workers=settings.workers))
        engine = local_engine(lake.settings)
        add_inputs(lake, [f"path:{folder}" for folder in sorted(packages.iterdir())], DAY)
        for stage in (ingest_slice, annotate_slice, qualify_slice):
            stage(lake, engine, DAY, "path")
        engine.close()
        roots = {row["root"]: Path(row["origin"]).name for row in slice_roots(lake, DAY, "path").to_dicts()}
        decided = decisions(lake, mine.key(lake.settings)).sort("root", "path").collect()
        answers = {
            f"{roots[root]}/{path.decode('utf-8', 'replace')}": (expression, verdict)
            for root, path, expression, verdict in decided.select("root", "path", "expression", "verdict").iter_rows()
        }
    files = [(path, licenses, *answers[path]) for path, licenses in expected.items() if path in answers]
    wrong = [one for one in files if families(one[1]) != families(one[2] or "nothing")]
    false = sum(verdict == "permissive" != mine.judge(licenses).verdict for _, licenses, _, verdict in files)
    said = [f"{licenses} by reuse, {ours or 'nothing'} ({verdict}) by us" for _, licenses, ours, verdict in wrong]
    example = dict(zip(reversed(said), (path for path, *_ in reversed(wrong)), strict=True))
    return Accuracy(
        SECTION,
        name,
        len(files),
        len(files) - len(wrong),
        [f"{count} files: {one}, such as `{example[one]}`" for one, count in Counter(said).most_common()],
        {"packages": len(PACKAGES), "false permissive": f"{false / len(files):.2%}"},
    )
