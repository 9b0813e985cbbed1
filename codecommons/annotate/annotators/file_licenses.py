# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What lists of licences say of other files: ``REUSE.toml`` (REUSE 3.3, section 5) and DEP-5, as in ``debian/copyright``.

A list names files by patterns. They are kept as regular expressions over paths from the folder that the list speaks of, beside
the fixed folder that each begins with: whoever resolves licences asks how close to a file that is. Beside each are the lines that
say it: of the annotation, or of the paragraph. Of what a list says in its own words the licence's text is read where the list has
it (DEP-5); what can't be read stays in the row, without an expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from codecommons.annotate import notices
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.annotate.expressions import together, whole
from codecommons.annotate.manifests.licenses import LEAST_RELEVANCE
from codecommons.annotate.manifests.places import Lines, paragraphs, toml_tables
from codecommons.annotate.manifests.reading import toml
from codecommons.annotate.notices.denials import restrictions

# The Linux kernel's debian/copyright has 130 paragraphs; what a wildcard costs is a look at every path of a tree.
MOST_PATTERNS, MOST_WILDCARDS, LONGEST_PATTERN, MOST_BYTES = 20_000, 2_000, 1_000, 1 << 20

FIELDS = (
    pa.field(
        "files",
        pa.list_(
            pa.struct(
                [
                    pa.field("path", pa.string()),
                    pa.field("folder", pa.string()),
                    pa.field("pattern", pa.string()),
                    pa.field("precedence", pa.string()),
                    pa.field("said", pa.string()),
                    pa.field("license", pa.string()),
                ]
            )
        ),
    ),
    # In the order of ``files``. A column of its own: tables of older versions can be given that, and no field in a struct.
    pa.field("lines", pa.list_(pa.struct([pa.field("start_line", pa.int64()), pa.field("end_line", pa.int64())]))),
)
# Debian's short names that neither SPDX nor its licences' texts have; see "Short name" in the format's specification.
DEBIAN = {
    "expat": "MIT",
    "artistic": "Artistic-1.0-Perl",
    "artistic-1": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "perl": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "apache-2": "Apache-2.0",
    "cc0": "CC0-1.0",
    "public-domain": "LicenseRef-scancode-public-domain",
    "sil-1.1": "OFL-1.1",
    "psf-2": "Python-2.0",
    "lppl-1.3": "LPPL-1.3c",
}
_GNU = re.compile(r"(a?l?gpl|gfdl)-(\d(?:\.\d)?)(\+?)")
_DEP5_SIGN, _REUSE_SIGN = re.compile(r"\\.|[*?]", re.DOTALL), re.compile(r"\\.|\*\*/?|\*", re.DOTALL)
_FORMATS = ("copyright-format", "dep5", "CopyrightFormat")
_FIELD = re.compile(r"^(?P<name>[!-9;-~]+):[ \t]*(?P<value>.*(?:\n[ \t].*)*)", re.MULTILINE)


class Listed(NamedTuple):
    """One pattern of a list.

    Attributes:
        path: the one file it names; None for a pattern with wildcards, which ``pattern`` stands for.
        folder: the folder that everything it names lies in, as far as it is fixed.
        pattern: a regular expression that matches whole paths.
        precedence: as in REUSE.toml; that of DEP-5 is ``aggregate``.
        said: the licence as written.
        license: what that means as an SPDX expression, None where nobody can tell.
    """

    path: str | None
    folder: str
    pattern: str | None
    precedence: str
    said: str
    license: str | None


def reuse(data: bytes) -> Iterator[tuple[Listed, Lines]]:
    """The patterns of a ``REUSE.toml``, each with the lines of its annotation.

    Raises:
        ValueError: it is no TOML, or not as the specification has it.
    """
    blocks = toml(data).get("annotations", [])
    if not isinstance(blocks, list):
        raise ValueError("annotations are no array of tables")
    for block, lines in zip(blocks, toml_tables(data.decode("utf-8-sig"), "annotations"), strict=True):
        said = block.get("SPDX-License-Identifier", [])
        said = [said] if isinstance(said, str) else said
        paths = [block["path"]] if isinstance(block["path"], str) else block["path"]
        precedence = block.get("precedence", "closest")
        if precedence not in ("closest", "aggregate", "override") or not all(isinstance(one, str) for one in [*said, *paths]):
            raise ValueError("an annotation has a path, licence or precedence that is none")
        meant = [whole(one) for one in said]
        license_ = together(tuple(dict.fromkeys(filter(None, meant)))) if all(meant) else None
        if said:
            yield from ((_listed(one, False, precedence, " AND ".join(said), license_), lines) for one in paths)


def dep5(data: bytes) -> Iterator[tuple[Listed, Lines]]:
    """The patterns of a DEP-5 file, each with the lines of its paragraph; nothing of a file in another format."""
    parts = list(paragraphs(_decoded(data).replace("\r\n", "\n")))
    fields = [{one["name"].lower(): one["value"] for one in _FIELD.finditer(part)} for part, _ in parts]
    if not any(sign in fields[0].get(name, "") for name in ("format", "format-specification") for sign in _FORMATS):
        return
    texts: dict[str, str] = {}
    for paragraph in fields:
        name, _, body = paragraph.get("license", "").partition("\n")
        if body.strip():
            texts.setdefault(name.strip().lower(), re.sub(r"(?m)^ \.?", "", body))
    known: dict[str, str | None] = {}
    for paragraph, (_, lines) in zip(fields[1:], parts[1:], strict=True):
        name = paragraph.get("license", "").partition("\n")[0].strip()[:LONGEST_PATTERN]
        if "files" in paragraph and name:
            if name not in known:  # a text is looked through once, however many paragraphs have its name
                known[name] = debian_license(name, texts)
            yield from ((_listed(one, True, "aggregate", name, known[name]), lines) for one in paragraph["files"].split())


def _decoded(data: bytes) -> str:
    """As UTF-8, which the format asks for; old files are in Latin-1, and names of people are all that it matters to."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def debian_license(said: str, texts: Mapping[str, str]) -> str | None:
    """What DEP-5's short names mean together, None where one of them can't be told.

    ``and`` binds closer than ``or``, unless a comma stands before it: ``GPL-2+ or Artistic, and BSD-3-clause``.

    Args:
        said: the first line of a ``License`` field.
        texts: the licences' texts that the file has, by their short name in lower case.
    """
    for separator, join in ((r",\s+and\s+", " AND "), (r",?\s+or\s+", " OR "), (r"\s+and\s+|,\s+", " AND ")):
        parts = re.split(separator, said, flags=re.IGNORECASE)
        if len(parts) > 1:
            meant = [debian_license(part, texts) for part in parts]
            return None if None in meant else whole(join.join(f"({one})" for one in meant))
    return _short_name(said.strip(" ,"), texts)


def _short_name(name: str, texts: Mapping[str, str]) -> str | None:
    known = name.lower()
    bare, _, exception = known.partition(" with ")
    if gnu := _GNU.fullmatch(bare):
        version = gnu[2] if "." in gnu[2] else f"{gnu[2]}.0"
        plain = f"{gnu[1].upper()}-{version}-{'or-later' if gnu[3] else 'only'}"
        return whole(f"{plain} WITH {exception}") or plain
    if meant := DEBIAN.get(known) or whole(name):
        return meant
    text = texts.get(known, "").encode()
    found = notices.find(notices.load(), text)
    if any(restrictions(text.split(b"\n"), [(one.start_line, one.end_line, one.words) for one in found])):
        return None  # it is that licence, and something is asked for beside it
    sure = [one.expression for one in found if one.relevance >= LEAST_RELEVANCE and "scancode-unknown" not in one.expression]
    return together(tuple(dict.fromkeys(sure)))


def _listed(pattern: str, slashes: bool, precedence: str, said: str, license_: str | None) -> Listed:
    r"""One pattern, in which a backslash takes the next character's meaning away.

    In DEP-5 ``*`` is anything and ``?`` one character. In REUSE.toml ``*`` stops at slashes and ``**`` does not, and a slash
    behind that need not be there: so the ``reuse`` tool reads ``src/**/*.py``.
    """
    pattern = pattern.removeprefix("./")
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern of {len(pattern)} characters; at most {LONGEST_PATTERN} are read")
    anything = {"*": ".*" if slashes else "[^/]*", "**": ".*", "**/": ".*", "?": "."}
    written, plain, fixed, at = [], [], None, 0
    for found in (_DEP5_SIGN if slashes else _REUSE_SIGN).finditer(pattern):
        literal = pattern[at : found.start()]
        at = found.end()
        plain.append(literal)
        written.append(pl.escape_regex(literal))
        if (meaning := anything.get(found[0])) is not None:
            fixed = "".join(plain) if fixed is None else fixed
            written.append(meaning)
        else:
            plain.append(found[0][-1])
            written.append(pl.escape_regex(found[0][-1]))
    plain.append(pattern[at:])
    written.append(pl.escape_regex(pattern[at:]))
    start = "".join(plain) if fixed is None else fixed
    exact = start if fixed is None else None
    expression = None if fixed is None else f"(?s)^{''.join(written)}$"
    return Listed(exact, start.rpartition("/")[0], expression, precedence, said[:LONGEST_PATTERN], license_)


def row_of(name: str, data: bytes) -> tuple[list[dict[str, Any]], list[dict[str, int]]]:
    """What one list says, as the columns ``files`` and ``lines``.

    Raises:
        ValueError: it is too large, has too many patterns, or is not in its format (its readers may raise others).
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"a list of {len(data)} bytes; at most {MOST_BYTES} are read")
    found: list[dict[str, Any]] = []
    places: list[dict[str, int]] = []
    wildcards = 0
    for one, lines in (reuse if name.lower() == "reuse.toml" else dep5)(data):
        wildcards += one.pattern is not None
        if len(found) == MOST_PATTERNS or wildcards > MOST_WILDCARDS:
            raise ValueError(f"more than {MOST_PATTERNS} patterns, or {MOST_WILDCARDS} with wildcards")
        found.append(one._asdict())
        places.append(lines._asdict())
    return found, places


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table(map(row_of, (name.decode() for name in values(batch, "name")), values(batch, "data")), FIELDS)


ANNOTATOR = Annotator(
    name="file_licenses",
    description="What a REUSE.toml or a DEP-5 file says of the licences of other files; error says why one could not be read.",
    version=3,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("licensedcode-data", "license-expression"),
    configuration={
        "debian": DEBIAN,
        "least_relevance": LEAST_RELEVANCE,
        "most": [MOST_PATTERNS, MOST_WILDCARDS, LONGEST_PATTERN, MOST_BYTES],
    },
    names=r"reuse\.toml|dep5|copyright",
    prepare=notices.prepare,
)
