# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Proof that a release is what its fingerprint says: digests, files, rows, and the bytes behind every row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.datasets import commits, discussions, redaction
from codecommons.datasets.attestation import check
from codecommons.datasets.fingerprint import digest
from codecommons.datasets.releases import (
    ATTESTATION,
    MARKER,
    NOTE,
    Release,
    files_of,
    fingerprint_of,
    release,
    result_digest,
    sha256_of,
    taken_down,
)
from codecommons.datasets.reproduce import specification_of
from codecommons.datasets.rows import Side, sides, swhids_of
from codecommons.datasets.shards import row_text
from codecommons.datasets.tokens import TOKENS
from codecommons.lake import Lake
from codecommons.lake.storage import lake_errors
from codecommons.optout import merkle
from codecommons.swhid import content_id

_OTHER = "its sha256 is not the one in the fingerprint"


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
        signature: what became of the signature under the attestation, as a sentence.
    """

    name: str
    fingerprint: str
    rows: int
    problems: tuple[Problem, ...]
    signature: str

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(lake: Lake, name: str, fingerprint: str | None = None) -> Verification:
    """Check a release: its fingerprint from its own account, every file by sha256, every row against the manifest and its SWHID.

    A row's text, put back into its encoding, must hash to the SWHID; where it can't (an unusual byte sequence for the same text,
    or a redaction), the lake's bytes must hash to it, and give the text once what the row says is replaced.

    Args:
        lake: the lake.
        name: of the dataset.
        fingerprint: of the release, or how it begins; the last one by default.

    Raises:
        UsageError: there is no such release.
        LakeError: the lake can't be read.
    """
    one = release(lake, name, fingerprint)
    problems = list(_account(one))
    signature, faults = _beside(lake, one)
    problems += faults
    with lake_errors(f"reading {one.folder}"):
        data = lake.fs.cat_file(lake.path(one.folder, "manifest.parquet"))
        if hashlib.sha256(data).hexdigest() != one.document["result"]["manifest"]["sha256"]:
            problems.append(Problem("manifest.parquet", None, None, _OTHER))
        try:
            manifest = pl.DataFrame(pq.read_table(pa.BufferReader(data)))
        except (pa.ArrowException, OSError) as error:
            problems.append(Problem("manifest.parquet", None, None, f"it can't be read: {error}"))
            return Verification(one.name, one.fingerprint, 0, tuple(problems), signature)
    if manifest.height != one.document["result"]["rows"]:
        problems.append(
            Problem("manifest.parquet", None, None, f"it has {manifest.height} rows, not {one.document['result']['rows']}")
        )
    stated = one.document["result"].get("merkle")
    if stated and stated != merkle.roots(swhids_of(manifest), manifest["origin"].to_list()):
        problems.append(Problem("fingerprint.json", None, None, "its Merkle roots are not those of the manifest"))
    for shard in one.shards:
        problems += _shard(lake, one, shard, manifest.filter(pl.col("shard") == shard["name"]).sort("row"))
    return Verification(one.name, one.fingerprint, manifest.height, tuple(problems), signature)


def _account(one: Release) -> Iterator[Problem]:
    """The digests in ``fingerprint.json`` follow from what it says."""
    document = one.document
    result = document["result"]
    inputs = digest(document["inputs"])
    files = result_digest(result)
    stated = (document["inputs_digest"], result["digest"], document["fingerprint"])
    if stated != (inputs, files, fingerprint_of(inputs, files)):
        yield Problem("fingerprint.json", None, None, "its digests do not follow from what it says; it was changed")


def _beside(lake: Lake, one: Release) -> tuple[str, list[Problem]]:
    """Documents, the attestation, and files that nobody has published: a loader that takes ``data/*`` would take those, too."""
    with lake_errors(f"reading {one.folder}"):
        root = lake.path(one.folder)
        there = {path.removeprefix(f"{root}/") for path in lake.fs.find(root)}
    named, gone = files_of(one.document), taken_down(lake, one.folder)
    known = {*named, MARKER, ATTESTATION, NOTE}
    problems = [Problem(name, None, None, "it is no file of this release; remove it") for name in sorted(there - known)]
    digests = {MARKER: sha256_of(lake, lake.path(one.folder, MARKER)) or ""}
    for name, sha256 in one.document.get("documents", {}).items():
        found = sha256_of(lake, lake.path(one.folder, name))
        if found is None:
            problems.append(_missing(name, gone))
        elif found != sha256:
            problems.append(Problem(name, None, None, _OTHER))
    if one.document["format"] == 1:
        return "none: a release of an earlier version has no attestation", problems
    if ATTESTATION not in there:
        return "there is none", [*problems, _missing(ATTESTATION, gone)]
    with lake_errors(f"reading {one.folder}"):
        envelope = lake.fs.cat_file(lake.path(one.folder, ATTESTATION))
    attested = check(lake, envelope, one.document, named | digests)
    return attested.signature, [*problems, *(Problem(name, None, None, what) for name, what in attested.problems.items())]


def _missing(file: str, gone: Mapping[str, str]) -> Problem:
    why = gone.get(file.rpartition("/")[2])
    return Problem(file, None, None, f"it was taken down ({why}); build the dataset again" if why else "it is missing")


def _shard(lake: Lake, one: Release, shard: dict[str, Any], manifest: pl.DataFrame) -> Iterator[Problem]:
    file = f"data/{shard['name']}"
    asked = one.document["inputs"]["specification"]
    escape = () if asked.get("rows") in discussions.KINDS else asked.get("escape", ())
    path = lake.path(one.folder, file)
    if not lake.fs.exists(path):
        yield _missing(file, taken_down(lake, one.folder))
        return
    with lake_errors(f"reading {path}"), lake.fs.open(path) as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != shard["sha256"]:
            yield Problem(file, None, None, _OTHER)
    with lake.fs.open(path) as opened:
        try:
            parquet = pq.ParquetFile(opened)
        except (pa.ArrowException, OSError) as error:
            yield Problem(file, None, None, f"it can't be read: {error}")
            return
        if parquet.metadata.num_rows != manifest.height:
            yield Problem(
                file, None, None, f"it has {parquet.metadata.num_rows} rows, not {manifest.height} as the manifest says"
            )
            return
        both = sides(parquet.schema_arrow.names)
        columns = [name for side in both for name in (side.swhid, side.text, side.encoding, side.redactions)]
        columns += [name for name in ("message", "number") if name in parquet.schema_arrow.names]
        at = 0
        for group in range(parquet.num_row_groups):
            expected = manifest[at : at + parquet.metadata.row_group(group).num_rows]
            at += expected.height
            try:
                found = pl.DataFrame(parquet.read_row_group(group, columns=columns))
            except (pa.ArrowException, OSError, ValueError) as error:
                what = f"rows {expected['row'][0]} to {expected['row'][-1]} can't be read: {error}"
                yield Problem(file, expected["row"][0], expected["swhid"][0], what)
                continue
            rows = pl.concat([expected, found.rename({"swhid": "found"})], how="horizontal")
            for side in both:
                yield from _rows(lake, one, file, escape, rows, side)
            if len(both) > 1:
                yield from _messages(lake, one, file, rows)


def _rows(lake: Lake, one: Release, file: str, escape: Sequence[str], rows: pl.DataFrame, side: Side) -> Iterator[Problem]:
    doubtful = []
    named = "found" if side.swhid == "swhid" else side.swhid
    for row, swhid, found, content, text, encoding, spans in rows.select(
        "row", "swhid", pl.col(named).alias("_found"), side.content, side.text, side.encoding, side.redactions
    ).iter_rows():
        if (named == "found" and swhid != found) or found[10:50] != content.hex():
            yield Problem(file, row, swhid, f"it says {found}")
        elif text is None or spans or _has_tokens(text, escape) or not _hashes_to(text, encoding, content):
            doubtful.append((row, found, content, text, encoding, spans))
    bytes_of = _bytes_of(lake, one, rows, {content for _, _, content, *_ in doubtful}) if doubtful else {}
    for row, swhid, content, text, encoding, spans in doubtful:
        if content not in bytes_of:
            yield Problem(file, row, swhid, "its text does not hash to its SWHID, and the lake has no bytes to compare with")
        elif text is None or row_text(bytes_of[content], content, encoding, spans, escape) != text.encode():
            yield Problem(file, row, swhid, "its text is not that of the bytes its SWHID names, with its redactions")


def _bytes_of(lake: Lake, one: Release, rows: pl.DataFrame, contents: set[bytes]) -> dict[bytes, bytes]:
    """Bytes of contents that the lake has; of discussions they are made again from events."""
    asked = specification_of(one)
    if asked.rows in discussions.KINDS:
        slices = pl.DataFrame(one.document["inputs"]["slices"]).select("slice", "source").unique()
        made = (text for _, text in discussions.texts(lake, asked, slices, rows))
        return {identifier: text for text in made if (identifier := content_id(text)) in contents}
    found: dict[bytes, bytes] = {}
    for batch in lake.contents(pl.DataFrame({"sha1_git": sorted(contents)}, schema={"sha1_git": pl.Binary})):
        found |= {content.as_py(): data.as_py() for content, data in zip(batch["sha1_git"], batch["data"], strict=True)}
    return found


def _messages(lake: Lake, one: Release, file: str, rows: pl.DataFrame) -> Iterator[Problem]:
    """The messages of commits follow from those that the lake has."""
    asked = specification_of(one)
    ids = rows.lazy().select("revision_id").unique()
    said = lake.scan("revision").select("message", revision_id="id").join(ids, on="revision_id", how="semi").collect()
    raw = dict(said.select("revision_id", "message").iter_rows())
    for row, swhid, revision, message in rows.select("row", "swhid", "revision_id", "message").iter_rows():
        if revision not in raw:
            yield Problem(file, row, swhid, f"the lake has no revision {revision.hex()} to compare its message with")
        elif redaction.told(commits.message_of(raw[revision]) or "", asked.redact, asked.escape) != message:
            yield Problem(file, row, swhid, "its message is not that of the revision")


def _has_tokens(text: str, escape: Sequence[str]) -> bool:
    """Whether a text has a token that was to be broken: then it is not that of the row, though it may hash to its SWHID."""
    return any(TOKENS[name].search(text) for name in escape)


def _hashes_to(text: str, encoding: str, content: bytes) -> bool:
    try:
        return content_id(text.encode(encoding)) == content
    except (UnicodeError, LookupError):
        return False
