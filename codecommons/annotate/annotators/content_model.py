# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A second opinion where linguist's rules leave several languages: Magika, a model of contents.

Switched on by ``CODECOMMONS_ANNOTATORS=content_model``; Magika, which has its model in its package, comes with the extra
``models``. There is a row for every file whose extension belongs to several languages. Linguist's rules settle most of them;
where several languages are left (``candidates``) its word statistics decide, and ``.h`` and ``.sql`` without any sign get the
most frequent language. Only then the model is asked. It sees the content and no name, and it knows about a hundred languages, not
all of linguist's: ``agrees`` is null where it names none that linguist has.

The annotator ``language`` stays as it is: on linguist's own samples the model is never right where the two differ. What a policy
makes of a disagreement is its own affair.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import enry
import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.annotators.language import HEAD
from codecommons.annotate.columns import table, values
from codecommons.annotate.wide import as_utf8

if TYPE_CHECKING:
    import magika

# Magika's labels whose linguist's names are not theirs with a capital letter.
LANGUAGES = {
    "asm": "Assembly",
    "asp": "Classic ASP",
    "autohotkey": "AutoHotkey",
    "autoit": "AutoIt",
    "batch": "Batchfile",
    "bazel": "Starlark",
    "bib": "BibTeX",
    "cmake": "CMake",
    "cobol": "COBOL",
    "coffeescript": "CoffeeScript",
    "cpp": "C++",
    "cs": "C#",
    "css": "CSS",
    "csv": "CSV",
    "dm": "DM",
    "erb": "HTML+ERB",
    "gemfile": "Ruby",
    "gemspec": "Ruby",
    "hcl": "HCL",
    "html": "HTML",
    "ini": "INI",
    "javascript": "JavaScript",
    "json": "JSON",
    "latex": "TeX",
    "lisp": "Common Lisp",
    "m4": "M4",
    "matlab": "MATLAB",
    "objectivec": "Objective-C",
    "ocaml": "OCaml",
    "php": "PHP",
    "postscript": "PostScript",
    "powershell": "PowerShell",
    "proto": "Protocol Buffer",
    "rst": "reStructuredText",
    "scss": "SCSS",
    "sgml": "SGML",
    "sql": "SQL",
    "svg": "SVG",
    "textproto": "Protocol Buffer Text Format",
    "toml": "TOML",
    "tsv": "TSV",
    "txt": "Text",
    "typescript": "TypeScript",
    "vba": "VBA",
    "vhdl": "VHDL",
    "xml": "XML",
    "yaml": "YAML",
    "yara": "YARA",
}
# Extensions whose rules end with a language that needs no sign.
DEFAULTED = (".h", ".sql")
MOST_BYTES = 1 << 20

FIELDS = (
    pa.field("label", pa.string()),
    pa.field("score", pa.float64()),
    pa.field("model_language", pa.string()),
    pa.field("language", pa.string()),
    pa.field("candidates", pa.list_(pa.string())),
    pa.field("agrees", pa.bool_()),
)


def row_of(name: bytes, data: bytes) -> tuple[Any, ...]:
    """The model's label, its score, linguist's name for it; linguist's answer, what it chose from; whether the two agree."""
    data = as_utf8(data)
    file, head = name.decode("utf-8", "replace"), data[:HEAD]
    language = enry.get_language(file, head) or None
    candidates = sorted(enry.get_languages(file, head)) if language else []
    by_default = language and file.lower().endswith(DEFAULTED) and language == enry.get_language(file, b"")
    if len(candidates) < 2 and not by_default:
        return None, None, None, language, candidates, None
    said = model().identify_bytes(data[:MOST_BYTES])
    label = str(said.output.label)
    named = linguist_name(label)
    return label, round(said.score, 3), named, language, candidates, None if named is None else named == language


def linguist_name(label: str) -> str | None:
    """Linguist's name of what Magika calls so; None when it is no language of linguist's."""
    named = LANGUAGES.get(label, label.capitalize())
    return named if enry.get_language_type(named) != "unknown" else None


@cache
def model() -> magika.Magika:
    """The model, loaded once a process: a quarter of a second."""
    from magika import Magika

    return Magika()


@cache
def ambiguous_extensions() -> tuple[str, ...]:
    """Extensions, in lower case, that belong to several languages."""
    from codecommons.annotate.languages import some_languages

    extensions = {extension for language in some_languages() for extension in enry.get_language_extensions(language)}
    several = {one.lower() for one in extensions if len(enry.get_languages(f"x{one}", b"")) > 1}
    return tuple(sorted(several.union(DEFAULTED)))


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table(map(row_of, values(batch, "name"), values(batch, "data")), FIELDS)


def _annotator(names: str | None) -> Annotator:
    return Annotator(
        name="content_model",
        description="What a model of contents says of files that linguist's rules leave to chance, beside linguist's answer.",
        version=2,
        input="named_content",
        fields=FIELDS,
        annotate=annotate,
        tools=("enry-python", "magika", "onnxruntime"),
        configuration={"head": HEAD, "most_bytes": MOST_BYTES, "languages": LANGUAGES, "defaulted": DEFAULTED},
        names=names,
        configure=lambda _: _annotator(".*(" + "|".join(map(re.escape, ambiguous_extensions())) + ")"),
        extra="models",
    )


ANNOTATOR = _annotator(None)
