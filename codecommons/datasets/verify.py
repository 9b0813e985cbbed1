# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Proof that a release is what its fingerprint says: digests, files, rows, and the bytes behind every row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.datasets.fingerprint import digest
from codecommons.datasets.format import ShardFormat, Terms, format_of, terms_of
from codecommons.datasets.releases import Release, files_of, fingerprint_of, release, result_digest, supplies_of, taken_down
from codecommons.datasets.shards import opened_shard, row_text, swhids_of
from codecommons.datasets.tokens import TOKENS
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors
from codecommons.optout import merkle
from codecommons.swhid import content_id

_CHANGED = "its sha256 is not the one in the fingerprint"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: of the release.
        row: in the file, None when the whole file is meant.
        swhid: of the row.
        what: the fault, in a few words.
    """

    file: str
    row: int | None
    swhid: str | None
    what: str


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        name: of the dataset.
        fingerprint: of the release.
        rows: rows that were checked.
        problems: all that is wrong; none means verified.
    """

    name: str
    fingerprint: str
    rows: int
    problems: tuple[Problem, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(lake: Lake, name: str, fingerprint: str | None = None) -> Verification:
    """Check a release: its fingerprint from its own account, every file by sha256, every row against the manifest and its SWHID.

    A row's text, put back into its encoding, must hash to the SWHID; where it can't (an unusual byte sequence for the same text,
    or a redaction), the lake's bytes must hash to it, and give the text once what the row says is replaced. Tokens must be those
    of that text.

    Args:
        lake: the lake.
        name: of the dataset.
        fingerprint: of the release, or how it begins; the last one by default.

    Raises:
        UsageError: there is no such release.
        LakeError: the lake can't be read.
    """
    one = release(lake, name, fingerprint)
    with lake_errors(f"reading {one.folder}"):
        problems = list(_account(one))
        data = lake.fs.cat_file(lake.path(one.folder, "manifest.parquet"))
        try:
            manifest = pl.DataFrame(pq.read_table(pa.BufferReader(data)))
        except (pa.ArrowException, OSError) as error:
            problems += [*_files(lake, one), Problem("manifest.parquet", None, None, f"it can't be read: {error}")]
            return Verification(one.name, one.fingerprint, 0, tuple(problems))
    if manifest.height != one.document["result"]["rows"]:
        problems.append(
            Problem("manifest.parquet", None, None, f"it has {manifest.height} rows, not {one.document['result']['rows']}")
        )
    stated = one.document["result"].get("merkle")
    if stated and stated != merkle.roots(swhids_of(manifest), manifest["origin"].to_list()):
        problems.append(Problem("fingerprint.json", None, None, "its Merkle roots are not those of the manifest"))
    problems += _files(lake, one)
    # What is missing is named already; without what shards were made with nothing can be said of them.
    missing = {problem.file for problem in problems if problem.what != _CHANGED}
    unusable = {problem.file for problem in problems} & {*one.document["inputs"].get("supplies", {})}
    terms = terms_of(one.document, {} if unusable else supplies_of(lake, one))
    form = format_of(lake.settings, terms.asked.kind)
    if not _has_places(manifest, form):
        problems.append(Problem("manifest.parquet", None, None, f"it does not say {', '.join(form.offsets.names)} of every row"))
        return Verification(one.name, one.fingerprint, manifest.height, tuple(problems))
    for shard in one.shards:
        parts = {f"data/{part['name']}" for part in (shard, *shard.get("beside", ()))}
        if not unusable and not parts & missing:
            rows = manifest.filter(pl.col("shard") == shard["name"]).sort("row")
            problems += _shard(lake, one, shard, rows, form, terms)
    return Verification(one.name, one.fingerprint, manifest.height, tuple(problems))


def _account(one: Release) -> Iterator[Problem]:
    """The digests in ``fingerprint.json`` follow from what it says."""
    document = one.document
    result = document["result"]
    inputs = digest(document["inputs"])
    files = result_digest(result)
    stated = (document["inputs_digest"], result["digest"], document["fingerprint"])
    if stated != (inputs, files, fingerprint_of(inputs, files)):
        yield Problem("fingerprint.json", None, None, "its digests do not follow from what it says; it was changed")


def _files(lake: Lake, one: Release) -> Iterator[Problem]:
    """Every file is there, with the bytes it was published with."""
    withdrawn = taken_down(lake, one.folder)
    of_shard = {f"data/{part['name']}": shard["name"] for shard in one.shards for part in (shard, *shard.get("beside", ()))}
    for file, sha256 in files_of(one).items():
        path = lake.path(one.folder, file)
        with lake_errors(f"reading {path}"):
            if not lake.fs.exists(path):
                why = withdrawn.get(of_shard.get(file, ""))
                yield Problem(file, None, None, f"it was taken down ({why}); build the dataset again" if why else "it is missing")
                continue
            with lake.fs.open(path) as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != sha256:
                    yield Problem(file, None, None, _CHANGED)


def _has_places(manifest: pl.DataFrame, form: ShardFormat) -> bool:
    """Whether a manifest, which somebody may have changed, says of every row what the format wants to know."""
    names = form.offsets.names
    if not set(names) <= set(manifest.columns):
        return False
    there = [manifest[name].dtype == pl.Int64 and (manifest[name] >= 0).fill_null(False).all() for name in names]
    return all(there)


def _shard(
    lake: Lake, one: Release, shard: dict[str, Any], manifest: pl.DataFrame, form: ShardFormat, terms: Terms
) -> Iterator[Problem]:
    """Every row of a shard is what the manifest says, and its text is that of its bytes."""
    file = f"data/{shard['name']}"
    path, endings = lake.path(one.folder, file), form.endings(terms.asked)
    with lake_errors(f"reading {path}"), opened_shard(lake, path, endings) as files:
        for part in form.read(files, manifest, terms):
            if part.found is not None:
                found = part.found.rename({"swhid": "found"})
                yield from _rows(lake, one, file, form, terms, pl.concat([part.expected, found], how="horizontal"))
            elif part.expected.height:
                rows, swhid = part.expected["row"], part.expected["swhid"][0]
                yield Problem(file, rows[0], swhid, f"rows {rows[0]} to {rows[-1]} can't be read: {part.fault}")
            else:
                yield Problem(file, None, None, part.fault)


def _rows(lake: Lake, one: Release, file: str, form: ShardFormat, terms: Terms, rows: pl.DataFrame) -> Iterator[Problem]:
    escape = one.document["inputs"]["specification"].get("escape", ())
    doubtful = []
    for at, (row, swhid, found, content, stored, encoding, spans) in enumerate(
        rows.select("row", "swhid", "found", "content", "stored", "encoding", "redactions").iter_rows()
    ):
        if swhid != found or swhid[10:50] != content.hex():
            yield Problem(file, row, swhid, f"it says {found}")
        elif (
            not form.holds_text
            or stored is None
            or spans
            or _has_tokens(stored, escape)
            or not _hashes_to(stored, encoding, content)
        ):
            doubtful.append(at)
    if not doubtful:
        return
    rows = rows[doubtful]
    bytes_of: dict[bytes, bytes] = {}
    for batch in lake.contents(rows.select(sha1_git="content", length="length")):
        bytes_of |= {content.as_py(): data.as_py() for content, data in zip(batch["sha1_git"], batch["data"], strict=True)}
    texts = [
        row_text(bytes_of[content], content, encoding or "", spans or (), escape) if content in bytes_of else None
        for content, encoding, spans in rows.select("content", "encoding", "redactions").iter_rows()
    ]
    expected = form.stored(rows, [text or b"" for text in texts], terms)
    for (row, swhid, content, stored), text, wanted in zip(
        rows.select("row", "swhid", "content", "stored").iter_rows(), texts, expected, strict=True
    ):
        if content not in bytes_of:
            said = "its text does not hash to its SWHID" if form.holds_text else "nothing can be said of its tokens"
            yield Problem(file, row, swhid, f"{said}, and the lake has no bytes to compare with")
        elif text is None or stored is None or (stored.encode() if form.holds_text else stored) != wanted:
            said = "its text is not that" if form.holds_text else "its tokens are not those"
            yield Problem(file, row, swhid, f"{said} of the bytes its SWHID names, with its redactions")


def _has_tokens(text: str, escape: Sequence[str]) -> bool:
    """Whether a text has a token that was to be broken: then it is not that of the row, though it may hash to its SWHID."""
    return any(TOKENS[name].search(text) for name in escape)


def _hashes_to(text: str, encoding: str, content: bytes) -> bool:
    try:
        return content_id(text.encode(encoding)) == content
    except (UnicodeError, LookupError):
        return False
