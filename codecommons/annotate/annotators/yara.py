# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which of the user's YARA rules match a content: malware, or whatever the rules are about.

There is such an annotator only where ``CODECOMMONS_YARA`` names rule files. Rules are compiled and run by YARA-X (the extra
``yara``). Includes are refused: the digest holds the sha256 of the named files, so nothing else may change an answer.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.errors import UsageError
from codecommons.settings import Settings

if TYPE_CHECKING:
    import yara_x

SECONDS = 60
MOST_MATCHES = 100
MOST_RULE_BYTES = 64 << 20

MATCH = pa.struct(
    [
        pa.field("rule", pa.string()),
        pa.field("pattern", pa.string()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
    ]
)
FIELDS = (pa.field("rules", pa.list_(pa.string())), pa.field("matches", pa.list_(MATCH)))


def configure(settings: Settings) -> Annotator | None:
    """The annotator for the user's rules; None where there are none.

    Raises:
        UsageError: a rule file can't be read or compiled, or YARA-X is not installed.
    """
    if not settings.yara:
        return None
    sources = tuple(_source(path) for path in settings.yara)
    _scanner(sources)  # what can't be compiled is told before anything runs
    return _annotator(sources)


def _annotator(sources: tuple[tuple[str, bytes], ...]) -> Annotator:
    digests = [[name, hashlib.sha256(text).hexdigest()] for name, text in sources]
    return Annotator(
        name="yara",
        description="Which of the user's YARA rules match a content, and where.",
        version=1,
        input="content",
        fields=FIELDS,
        annotate=lambda batch: table((_row(_scanner(sources), data) for data in values(batch, "data")), FIELDS),
        tools=("yara-x",),
        configuration={"rules": digests, "seconds": SECONDS, "most_matches": MOST_MATCHES},
        configure=configure,
    )


def _source(path: Path) -> tuple[str, bytes]:
    """Namespace and text of a rule file."""
    try:
        if path.stat().st_size > MOST_RULE_BYTES:
            raise UsageError(f"CODECOMMONS_YARA names {path}, which is larger than {MOST_RULE_BYTES >> 20} MiB")
        return path.stem, path.read_bytes()
    except OSError as error:
        raise UsageError(f"CODECOMMONS_YARA names {path}, which can't be read: {error.strerror}") from None


@cache
def _scanner(sources: tuple[tuple[str, bytes], ...]) -> yara_x.Scanner:
    try:
        import yara_x
    except ModuleNotFoundError:
        raise UsageError("CODECOMMONS_YARA names rules, but YARA-X is not installed; pip install 'codecommons[yara]'") from None
    compiler = yara_x.Compiler()
    compiler.enable_includes(False)
    for name, text in sources:
        compiler.new_namespace(name)
        try:
            compiler.add_source(text.decode(), origin=name)
        except (yara_x.CompileError, UnicodeDecodeError) as error:
            reason = str(error).strip().splitlines()
            raise UsageError(f"the YARA rules {name} of CODECOMMONS_YARA can't be compiled: {' '.join(reason[:2])}") from None
    scanner = yara_x.Scanner(compiler.build())
    scanner.set_timeout(SECONDS)
    scanner.max_matches_per_pattern(MOST_MATCHES)
    return scanner


def _row(scanner: yara_x.Scanner, data: bytes) -> tuple[list[str], list[dict[str, Any]]]:
    rules = sorted(scanner.scan(data).matching_rules, key=lambda rule: (rule.namespace, rule.identifier))
    return [_name(rule) for rule in rules], list(itertools.islice(_matches(rules), MOST_MATCHES))


def _matches(rules: list[yara_x.Rule]) -> Iterator[dict[str, Any]]:
    for rule in rules:
        for pattern in rule.patterns:
            for match in pattern.matches:
                start, end = match.offset, match.offset + match.length
                yield {"rule": _name(rule), "pattern": pattern.identifier, "start": start, "end": end}


def _name(rule: yara_x.Rule) -> str:
    return f"{rule.namespace}/{rule.identifier}"


ANNOTATOR = _annotator(())
