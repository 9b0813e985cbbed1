# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whose work the rows of a release are, as far as files beside them say it: what NOTICE is made from.

Notices that stand in a row's own file go with its text, so no row is read for them, and a shard that is kept isn't opened. What
is read are the files that decisions rest on, and licence files and notices in the folders above a row: few, and the same ones
again and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.annotate.copyright import MOST, copyrights
from codecommons.datasets.inputs import Inputs
from codecommons.datasets.redaction import Span, boundaries, redactions, text_of
from codecommons.datasets.specification import Redact
from codecommons.datasets.staleness import rooted
from codecommons.lake import Lake
from codecommons.license import decisions
from codecommons.optout.reach import Excluded
from codecommons.swhid import SYMLINK_PERMS, Swhid

# The Apache licence asks to pass on a NOTICE, others what stands in the licence file; names that code also has are none of these.
NAMES = r"(?is)(?:^|/)(?:[^/]*[-_. ])?(?:(?:un)?licen[cs]es?|copying|copyrights?|notices?)(?:[-_. ][^/]*)?$"
_FOLDER = ["license", "origin", "anchor", "root", "folder"]


@dataclass(frozen=True)
class Attributions:
    """Files that say whose work rows are.

    Attributes:
        files: license (SPDX expression, ``unknown`` for none), origin, anchor, path (binary), content (binary): for the rows of
            an origin that have this licence, the files that a decision rests on or that lie in a folder above; each content
            once, where it is first. Sorted.
        statements: content -> its copyright statements in order, at most ``copyright.MOST``; absent where it has none.
    """

    files: pl.DataFrame
    statements: Mapping[bytes, tuple[str, ...]]

    def whole(self, content: bytes) -> bool:
        """Whether all statements of a file are known: of one that has very many, the first are."""
        return len(self.statements.get(content, ())) < MOST


def attributions(
    lake: Lake, inputs: Inputs, redact: Redact, trees: pl.DataFrame, excluded: Excluded, manifest: pl.DataFrame
) -> Attributions:
    """Find the files, and read the statements in them.

    What is opted out or taken down is not named. What a specification replaces in texts is replaced in statements, too, but for
    names: giving credit is what licences ask for, and no model learns from a NOTICE.

    Args:
        lake: the lake.
        inputs: what the release is made from.
        redact: what is replaced in texts.
        trees: every tree that counts (``candidates.trees``).
        excluded: what is left out of these trees.
        manifest: the rows, with content, origin, anchor, path and license.

    Raises:
        LakeError: the lake can't be read.
    """
    license = pl.col("license").fill_null("unknown")
    rows = manifest.select("content", "origin", "anchor", "path", "revision_id", license=license)
    rows = rooted(trees, rows).drop("revision_id").filter(pl.col("root").is_not_null())
    files = pl.concat([_named(lake, inputs, rows), _above(lake, rows)])
    files = excluded.marked(files).filter(pl.col("opt_out").is_null()).sort("license", "origin", "anchor", "path", "content")
    files = files.unique(["license", "origin", "content"], keep="first", maintain_order=True)
    return Attributions(files.drop("root", "opt_out"), _statements(lake, redact, files.select("content").unique()))


def _named(lake: Lake, inputs: Inputs, rows: pl.DataFrame) -> pl.DataFrame:
    """The files that decisions name as evidence; the row itself is none."""
    decided = decisions(lake, inputs.policy).select("root", "path", "evidence")
    said = rows.lazy().join(decided, on=["root", "path"]).explode("evidence", empty_as_null=False, keep_nulls=False)
    place = pl.col("evidence").str.replace(r";lines=[\d-]+", "")
    said = said.filter(
        pl.col("evidence").str.contains("^swh:1:cnt:.*;path=/"),  # collections and forges are named in other ways
        pl.col("evidence").str.slice(10, 40) != pl.col("content").bin.encode("hex"),
    )
    found = said.select("license", "origin", "anchor", "root", place=place).unique().collect(engine="streaming")
    parsed = {text: Swhid.parse(text) for text in found["place"].unique()}
    return found.select(
        "license",
        "origin",
        "anchor",
        "root",
        path=pl.Series([(parsed[text].path or b"").removeprefix(b"/") for text in found["place"]], dtype=pl.Binary),
        content=pl.Series([parsed[text].identifier for text in found["place"]], dtype=pl.Binary),
    )


def _above(lake: Lake, rows: pl.DataFrame) -> pl.DataFrame:
    """Files called like a licence or a notice that lie in the folder of a row, or in one above it."""
    folders = at = _in_folders(rows).select(_FOLDER).unique()
    while (at := at.filter(pl.col("folder").bin.size() > 0)).height:
        at = _in_folders(at.rename({"folder": "path"})).select(_FOLDER).unique().join(folders, on=_FOLDER, how="anti")
        folders = pl.concat([folders, at])
    roots = rows.select("root").unique().lazy()
    called = pl.col("path").map_batches(_called, return_dtype=pl.Boolean, is_elementwise=True)
    seen = lake.scan("tree_file").join(roots, on="root", how="semi").filter(called, pl.col("perms") != SYMLINK_PERMS)
    files = _in_folders(seen.select("root", "path", "content").collect(engine="streaming"))
    return files.join(folders, on=["root", "folder"]).select("license", "origin", "anchor", "root", "path", "content")


def _called(paths: pl.Series) -> pl.Series:
    """Which paths, in bytes that may be no UTF-8, have such a name."""
    return pl.Series(pc.match_substring_regex(paths.to_arrow().cast(pa.large_binary()), NAMES), dtype=pl.Boolean)


def _in_folders(files: pl.DataFrame) -> pl.DataFrame:
    """Add ``folder``, the path without its last part."""
    paths = files["path"].to_arrow().cast(pa.large_binary())
    parents = pc.replace_substring_regex(paths, pattern="(?s)/?[^/]*$", replacement="")
    return files.with_columns(folder=pl.Series(parents, dtype=pl.Binary))


def _statements(lake: Lake, redact: Redact, contents: pl.DataFrame) -> dict[bytes, tuple[str, ...]]:
    """Copyright statements by content, of those that are text and of which all that has to be replaced is known."""
    encodings = store.rows(lake, current(lake.settings)["encoding"]).select("content", "encoding")
    texts = contents.lazy().join(encodings.drop_nulls(), on="content")
    for name in redact.confidences:
        texts = texts.join(boundaries(lake, name).filter(pl.col(f"whole_{name}")), on="content", how="semi")
    hidden = Redact(redact.secrets, redact.personal_data, (*redact.keep, "name"))
    texts = texts.join(redactions(lake, hidden, contents).lazy(), on="content", how="left")
    known = {content: rest for content, *rest in texts.select("content", "encoding", "redactions").collect().iter_rows()}
    found = {}
    for batch in lake.contents_as_they_lie(pl.DataFrame({"sha1_git": [*known]}, {"sha1_git": pl.Binary})):
        for content, data in zip(batch["sha1_git"].to_pylist(), batch["data"], strict=True):
            encoding, spans = known[content]
            try:
                text = text_of(data.as_py(), encoding, [Span(**span) for span in spans or ()])
            except (UnicodeError, LookupError):
                continue
            if said := tuple(map(_shown, copyrights(text.encode("utf-8", "replace")))):
                found[content] = said
    return found


def _shown(statement: str) -> str:
    """A statement on one line, whatever a stranger has put into it."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in statement.replace("\t", " "))
