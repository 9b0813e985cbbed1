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

from codecommons.datasets import commits, discussions, redaction
from codecommons.datasets.attestation import check
from codecommons.datasets.fingerprint import digest
from codecommons.datasets.format import READ, ShardFormat, Terms, format_of, terms_of
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
    supplies_of,
    withdrawn,
)
from codecommons.datasets.repository_form import DOCUMENT
from codecommons.datasets.reproduce import specification_of
from codecommons.datasets.rows import COMMIT_READ, Side, form_of, row_text, sides, swhids_of
from codecommons.datasets.shards import opened_shard
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
    problems = list(_account(one))
    signature, faults = _beside(lake, one)
    problems += faults
    with lake_errors(f"reading {one.folder}"):
        data = lake.fs.cat_file(lake.path(one.folder, "manifest.parquet"))
        try:
            manifest = pl.DataFrame(pq.read_table(pa.BufferReader(data)))
        except (pa.ArrowException, OSError) as error:
            problems += [*_files(lake, one), Problem("manifest.parquet", None, None, f"it can't be read: {error}")]
            return Verification(one.name, one.fingerprint, 0, tuple(problems), signature)
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
    offsets = form.offsets(terms.asked).names
    if not _has_places(manifest, offsets):
        problems.append(Problem("manifest.parquet", None, None, f"it does not say {', '.join(offsets)} of every row"))
        return Verification(one.name, one.fingerprint, manifest.height, tuple(problems), signature)
    for shard in one.shards:
        parts = {f"data/{part['name']}" for part in (shard, *shard.get("beside", ()))}
        if not unusable and not parts & missing:
            rows = manifest.filter(pl.col("shard") == shard["name"]).sort("row")
            problems += _shard(lake, one, shard, rows, form, terms)
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
    """The attestation, and files that nobody has published: a loader that takes ``data/*`` would take those, too."""
    with lake_errors(f"reading {one.folder}"):
        root = lake.path(one.folder)
        there = {path.removeprefix(f"{root}/") for path in lake.fs.find(root)}
    named = files_of(one.document)
    known = {*named, MARKER, ATTESTATION, NOTE}
    problems = [Problem(name, None, None, "it is no file of this release; remove it") for name in sorted(there - known)]
    if one.document["format"] == 1:
        return "none: a release of an earlier version has no attestation", problems
    if ATTESTATION not in there:
        return "there is none", [*problems, Problem(ATTESTATION, None, None, "it is missing")]
    with lake_errors(f"reading {one.folder}"):
        envelope = lake.fs.cat_file(lake.path(one.folder, ATTESTATION))
    attested = check(lake, envelope, one.document, named | {MARKER: sha256_of(lake, lake.path(one.folder, MARKER)) or ""})
    return attested.signature, [*problems, *(Problem(name, None, None, what) for name, what in attested.problems.items())]


def _files(lake: Lake, one: Release) -> Iterator[Problem]:
    """Every file is there, with the bytes it was published with."""
    gone = withdrawn(lake, one)
    for file, sha256 in files_of(one.document).items():
        path = lake.path(one.folder, file)
        with lake_errors(f"reading {path}"):
            if not lake.fs.exists(path):
                why = gone.get(file)
                yield Problem(file, None, None, f"it was taken down ({why}); build the dataset again" if why else "it is missing")
                continue
            with lake.fs.open(path) as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != sha256:
                    yield Problem(file, None, None, _CHANGED)


def _has_places(manifest: pl.DataFrame, names: Sequence[str]) -> bool:
    """Whether a manifest, which somebody may have changed, says of every row what the format wants to know."""
    if not set(names) <= set(manifest.columns):
        return False
    there = [manifest[name].dtype == pl.Int64 and (manifest[name] >= 0).fill_null(False).all() for name in names]
    return all(there)


def _shard(
    lake: Lake, one: Release, shard: dict[str, Any], manifest: pl.DataFrame, form: ShardFormat, terms: Terms
) -> Iterator[Problem]:
    """Every row of a shard is what the manifest says, and its texts are those of its bytes."""
    file, rows_are = f"data/{shard['name']}", one.document["inputs"]["specification"].get("rows", "files")
    path, endings = lake.path(one.folder, file), form.endings(terms.asked)
    columns = READ | (COMMIT_READ if rows_are == "commits" else {"number": pl.Int64} if rows_are in discussions.KINDS else {})
    with lake_errors(f"reading {path}"), opened_shard(lake, path, endings) as files:
        for part in form.read(files, manifest, terms, columns):
            if part.found is not None:
                rows = pl.concat([part.expected, part.found.rename({"swhid": "found"})], how="horizontal")
                every = sides(columns)
                # Where a text stands by itself it is looked at by itself.
                for some in [[side] for side in every] if form.holds_text else [every]:
                    yield from _rows(lake, one, file, form, terms, rows, some)
                if rows_are == "commits":
                    yield from _messages(lake, one, file, rows)
            elif part.expected.height:
                first, last, swhid = part.expected["row"][0], part.expected["row"][-1], part.expected["swhid"][0]
                yield Problem(file, first, swhid, f"rows {first} to {last} can't be read: {part.fault}")
            else:
                yield Problem(file, None, None, part.fault)


def _rows(
    lake: Lake, one: Release, file: str, form: ShardFormat, terms: Terms, rows: pl.DataFrame, some: Sequence[Side]
) -> Iterator[Problem]:
    """What stands for texts of rows is what follows from the contents that they name."""
    asked = one.document["inputs"]["specification"]
    escape = () if terms.rows in discussions.KINDS else asked.get("escape", ())
    # What is stored for the file itself is read under that name; the version before is read as it is called.
    names = [side._replace(swhid="found" if side.swhid == "swhid" else side.swhid) for side in some]
    after = some[0].swhid == "swhid"
    rows = rows.with_columns(_stored="stored" if after else some[0].text)
    doubtful = []
    for at, ((row, swhid, path, stored), sides_) in enumerate(
        zip(rows.select("row", "swhid", "path", "_stored").iter_rows(), _sides(rows, names), strict=True)
    ):
        content, found, encoding, spans = sides_[0]
        odd = [said for one, said, _, _ in sides_ if (said or "")[10:50] != one.hex()]
        if odd or (after and found != swhid):
            yield Problem(file, row, swhid, f"it says {[*odd, found][0]}")
        elif (
            not form.holds_text
            or terms.asked.document == DOCUMENT
            or stored is None
            or spans
            or form_of(path, terms.notebooks)
            or _has_tokens(stored, escape)
            or not _hashes_to(stored, encoding, content)
        ):
            doubtful.append(at)
    if not doubtful:
        return
    rows = rows[doubtful]
    bytes_of = _bytes_of(lake, one, rows, {content for side in names for content in rows[side.content]})
    texts = [
        [
            row_text(bytes_of[content], content, encoding or "", spans or (), escape, form_of(path, terms.notebooks))
            if content in bytes_of
            else None
            for content, _, encoding, spans in sides_
        ]
        for sides_, path in zip(_sides(rows, names), rows["path"], strict=True)
    ]
    expected = form.stored(rows, [[text or b"" for text in some] for some in texts], terms)
    for (row, swhid, stored), sides_, made, wanted in zip(
        rows.select("row", names[0].swhid, "_stored").iter_rows(), _sides(rows, names), texts, expected, strict=True
    ):
        if any(content not in bytes_of for content, *_ in sides_):
            said = "its text does not hash to its SWHID" if form.holds_text else "nothing can be said of its tokens"
            yield Problem(file, row, swhid, f"{said}, and the lake has no bytes to compare with")
        elif None in made or stored is None or (stored.encode() if form.holds_text else stored) != wanted:
            said = "its text is not that" if form.holds_text else "its tokens are not those"
            yield Problem(file, row, swhid, f"{said} of the bytes its SWHID names, with its redactions")


def _sides(rows: pl.DataFrame, some: Sequence[Side]) -> Iterator[tuple[tuple[Any, ...], ...]]:
    """Of each row, for each of its sides: content, SWHID, encoding and redactions."""
    return zip(*(rows.select(side.content, side.swhid, side.encoding, side.redactions).iter_rows() for side in some), strict=True)


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
    known = commits.messages(lake, rows)
    for row, swhid, revision, message in rows.select("row", "swhid", "revision_id", "message").iter_rows():
        if revision not in known:
            yield Problem(file, row, swhid, f"the lake has no revision {revision.hex()} to compare its message with")
        elif redaction.told(known[revision] or "", asked.redact, asked.escape) != message:
            yield Problem(file, row, swhid, "its message is not that of the revision")


def _has_tokens(text: str, escape: Sequence[str]) -> bool:
    """Whether a text has a token that was to be broken: then it is not that of the row, though it may hash to its SWHID."""
    return any(TOKENS[name].search(text) for name in escape)


def _hashes_to(text: str, encoding: str, content: bytes) -> bool:
    try:
        return content_id(text.encode(encoding)) == content
    except (UnicodeError, LookupError):
        return False
