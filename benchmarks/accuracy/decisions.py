# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Licence decisions against ``debian/copyright``, in which Debian's maintainers state the licence of every file (DEP-5).

The packages are the source packages of Debian bookworm between 20 kB and 3 MB whose names have the smallest sha256
(``debian-packages.txt``), so that nobody chose them; those without a machine-readable ``debian/copyright`` say nothing. They go
through the product without the folders ``debian`` and ``.pc`` and without lines that hold an SPDX tag. Every other package is
held out: nothing was mended for its sake but what ``docs/accuracy.md`` names. Debian speaks of many files at once, and mostly of
all (``Files: *``), in spite of headers and nested licence files; so a permissive verdict against Debian is counted apart where it
rests on the file's own header or on a licence file below the top, and Debian's on ``*``. apt must know source packages
(``deb-src``).
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy import Accuracy
from benchmarks.corpus import lend_cache
from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice, slice_roots
from codecommons.archive.source import sources
from codecommons.engine import local_engine
from codecommons.errors import ItemError
from codecommons.lake import Lake, SliceInput
from codecommons.license import decisions, policy, qualify_slice
from codecommons.license.expressions import families
from codecommons.license.policy import Policy
from codecommons.settings import Settings
from codecommons.swhid import SYMLINK_PERMS, Swhid

SECTION = "Licence decisions"
PACKAGES = Path(__file__).with_name("debian-packages.txt")
DAY = "2026-01-31"
_TAG = re.compile(rb"SPDX-License-Identifier")
# How Debian writes what SPDX writes otherwise; the rest is the same but for "+" (or later) and a missing "-only".
_NAMES = {
    "expat": "MIT",
    "mit": "MIT",
    "x11": "X11",
    "isc": "ISC",
    "zlib": "Zlib",
    "artistic": "Artistic-1.0-Perl",
    "artistic-1": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "apache-2": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "mpl-1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "cc0-1.0": "CC0-1.0",
    "cc0": "CC0-1.0",
    "cc-by-sa-3.0": "CC-BY-SA-3.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "public-domain": "LicenseRef-scancode-public-domain",
    "wtfpl": "WTFPL",
    "unlicense": "Unlicense",
    "bsl-1.0": "BSL-1.0",
    "epl-1.0": "EPL-1.0",
    "epl-2.0": "EPL-2.0",
    "ofl-1.1": "OFL-1.1",
    "sil-1.1": "OFL-1.1",
    "psf-2": "Python-2.0",
    "lppl-1.3": "LPPL-1.3c",
}
_GNU = re.compile(r"(a?l?gpl|gfdl|lgpl)-(\d(?:\.\d)?)(\+?)")


@dataclass(frozen=True)
class _File:
    """One file: what Debian says, as SPDX, and what we decided."""

    place: str
    expected: str
    expression: str | None
    verdict: str
    # We go by words in the file or its folder, Debian by what it says of all files.
    closer: bool

    @property
    def disagreement(self) -> str:
        """Both answers, in words."""
        return f"{self.expected} by Debian, {self.expression or 'nothing'} ({self.verdict}) by us"


def measure(data: Path) -> list[Accuracy]:
    """Two rows: the packages that could be looked at, and those held out."""
    known = [line for line in PACKAGES.read_text().splitlines() if line and not line.startswith("#")]
    return [
        _measured("packages looked at", known[::2]),
        _measured("packages held out", known[1::2]),
    ]


def _measured(name: str, packages: list[str]) -> Accuracy:
    settings = Settings.from_environment()
    mine = policy(settings, "permissive")
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="codecommons-") as place:
        home, trees = Path(place, "home"), Path(place, "trees")
        home.mkdir()
        stated = {}
        for package in packages:
            try:
                found = _laid_out(settings, package, trees / _folder(package))
            except ItemError as error:
                counts[f"packages without: {error.reason}"] += 1
                continue
            if found is None:
                counts["packages without DEP-5"] += 1
            else:
                stated[_folder(package)] = found
        files = list(_compared(_lake(settings, home), mine, trees, stated, counts))
    counts["packages"] = len(stated)
    right = [one for one in files if families(one.expected) == families(one.expression or "nothing")]
    worth = {one: mine.judge(one.expected).verdict for one in files}
    agreed = sum(one.verdict == worth[one] for one in files)
    false = [one for one in files if one.verdict == "permissive" and worth[one] != "permissive"]
    wrong = [one for one in reversed(files) if one.verdict != worth[one]]
    example = {one.disagreement: one.place for one in wrong}
    return Accuracy(
        SECTION,
        f"verdicts, {name}",
        len(files),
        agreed,
        [
            f"{count} files: {said}, such as `{example[said]}`"
            for said, count in Counter(one.disagreement for one in wrong).most_common()
        ],
        {
            **dict(sorted(counts.items())),
            "same licences": f"{len(right) / len(files):.1%}" if files else "none",
            "unknown to us": f"{sum(one.verdict == 'unknown' != worth[one] for one in files) / len(files):.1%}"
            if files
            else "none",
            "false permissive": f"{sum(not one.closer for one in false) / len(files):.2%}" if files else "none",
            "permissive by closer words": f"{sum(one.closer for one in false) / len(files):.2%}" if files else "none",
        },
    )


def _lake(settings: Settings, home: Path) -> Lake:
    lend_cache(settings, home)
    return Lake.open(Settings(home, str(home / "lake"), workers=settings.workers))


def _folder(package: str) -> str:
    return re.sub(r"[^a-z0-9]", "-", package)


def _laid_out(settings: Settings, package: str, folder: Path) -> Any:
    """Lay a package out without what gives the answers away; what ``debian/copyright`` states, None when no machine can read it.

    Raises:
        ItemError: apt has not got it.
    """
    from debian.copyright import Copyright, MachineReadableFormatError, NotMachineReadableError

    source: Any = sources(settings)["deb"]
    wanted = source.resolve(SliceInput(DAY, "deb", package), settings)
    files: dict[bytes, bytes] = {}
    with source.unpacked(source.fetch(wanted, settings), settings) as members:
        for member in members:
            if member.data is not None and member.perms != SYMLINK_PERMS:
                files[member.path] = member.data
    try:
        copyright_ = Copyright(files.get(b"debian/copyright", b"").decode("utf-8", "replace").splitlines(), strict=False)
    except (NotMachineReadableError, MachineReadableFormatError, ValueError):
        return None
    for path, data in files.items():
        if path.split(b"/")[0] not in (b"debian", b".pc"):
            target = folder / path.decode("utf-8", "replace")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"\n".join(line for line in data.split(b"\n") if not _TAG.search(line)))
    return copyright_


def _compared(lake: Lake, mine: Policy, trees: Path, stated: dict[str, Any], counts: Counter[str]) -> Iterator[_File]:
    """Send all packages through three stages, and compare file by file."""
    engine = local_engine(lake.settings)
    add_inputs(lake, [f"path:{trees / folder}" for folder in stated], DAY)
    for stage in (ingest_slice, annotate_slice, qualify_slice):
        stage(lake, engine, DAY, "path")
    engine.close()
    roots = {row["root"]: row["origin"].rstrip("/").rpartition("/")[2] for row in slice_roots(lake, DAY, "path").to_dicts()}
    decided = decisions(lake, mine.key(lake.settings)).sort("root", "path").collect()
    for root, path, expression, verdict, rule, evidence in decided.select(
        "root", "path", "expression", "verdict", "rule", "evidence"
    ).iter_rows():
        name = path.decode("utf-8", "replace")
        paragraph = stated[roots[root]].find_files_paragraph(name)
        expected = spdx(paragraph.license.synopsis) if paragraph is not None and paragraph.license else None
        if expected is None:
            counts["files whose licence Debian names in its own words"] += 1
        else:
            below = "/" in (Swhid.parse(evidence[0]).path or b"").decode("utf-8", "replace").lstrip("/")
            closer = tuple(paragraph.files) == ("*",) and (rule.startswith("header/") or below)
            yield _File(f"{roots[root]}/{name}", expected, expression, verdict, closer)


def spdx(synopsis: str) -> str | None:
    """A licence as Debian names it, in SPDX's words; None for a name that is the package's own."""
    parts = re.split(r"\s+(and|or)\s+", synopsis.replace(",", " ").strip().lower())
    said = [part.upper() if part in ("and", "or") else _spdx(part) for part in parts]
    return None if None in said else " ".join(str(part) for part in said)


def _spdx(name: str) -> str | None:
    name = re.sub(r"\s+with .*$", "", name.strip())
    if gnu := _GNU.fullmatch(name):
        version = gnu[2] if "." in gnu[2] else f"{gnu[2]}.0"
        return f"{gnu[1].upper()}-{version}-{'or-later' if gnu[3] else 'only'}"
    return _NAMES.get(name)
