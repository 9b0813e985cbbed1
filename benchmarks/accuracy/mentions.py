# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Mentions of software: SoFAIR's validated papers, read again by another parser.

Names, the characters they stand at and what corresponds to them (version, address, publisher, language) are asked. Which origin
is meant has no known answers here, and is not measured.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.accuracy import Accuracy
from codecommons.annotate.mentions import Mention, read

SECTION = "Mentions"
_TEI, _ID = "{http://www.tei-c.org/ns/1.0}", "{http://www.w3.org/XML/1998/namespace}id"
_PARTS = ("version", "url", "publisher", "language")


def measure(data: Path) -> list[Accuracy]:
    """Compare every mention and everything that corresponds to one."""
    found: dict[str, list[tuple[str, bool]]] = {name: [] for name in ("name", "place in the text", *_PARTS)}
    for line in (data / "software-mentions" / "sofair_tei.jsonl").read_text().splitlines():
        paper = json.loads(line)
        root = ElementTree.fromstring(paper["tei_xml"].encode())
        text = "".join("".join(one.itertext()) for one in root.iter(f"{_TEI}text"))
        marked = list(root.iter(f"{_TEI}rs"))
        software = [one for one in marked if one.get("type") == "software"]
        mentions = read("tei", paper)
        for one, mention in zip(software, [*mentions, *[Mention(None)] * (len(software) - len(mentions))], strict=True):
            whole = "".join(one.itertext()).strip()
            case = f"`{paper['doi']}`: {_line(whole)}"
            found["name"].append((case, mention.name == _line(whole)))
            found["place in the text"].append((case, text[mention.start or 0 : mention.end or 0] == whole))
            for kind in _PARTS:
                said = [_line("".join(part.itertext())) for part in marked if part.get("type") == kind and _whose(part, one)]
                found[kind] += [(f"{case}: {value}", value in getattr(mention, f"{kind}s")) for value in said]
    return [
        Accuracy(SECTION, name, len(cases), sum(right for _, right in cases), [case for case, right in cases if not right])
        for name, cases in found.items()
    ]


def _whose(part: ElementTree.Element, software: ElementTree.Element) -> bool:
    return part.get("corresp") is not None and part.get("corresp") == software.get(_ID)


def _line(said: str) -> str:
    return re.sub(r"\s+", " ", said).strip()
