# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tells a person where code comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]

_HOW = {"exact": "the same bytes", "normalized": "the same but for blanks and line ends"}


def render(answer: Row) -> str:
    """Write what ``whence`` returned."""
    return "\n".join(_lines(answer))


def _lines(answer: Row) -> Iterator[str]:
    searched = answer["searched"]
    length = "" if answer["length"] is None else f", {answer['length']:,} bytes"
    yield f"{answer['swhid']}{length}  {answer['target']}"
    for match in answer["matches"]:
        yield ""
        yield from _match(match)
    yield "" if answer["found"] else "  not found"
    where = f"{searched['contents']:,} contents of {searched['origins']:,} origins, {searched['texts_compared']:,} of them texts"
    yield f"  searched  {where}; newest slice {searched['newest_slice'] or 'none'}"
    yield f"  scope     {answer['scope']}"
    if answer["note"]:
        yield f"  note      {answer['note']}"


def _match(match: Row) -> Iterator[str]:
    how = _HOW.get(match["match"]) or f"similarity {match['similarity']:.3f}{'' if match['duplicate'] else ', no duplicate'}"
    yield f"{match['swhid']}  {how}"
    for at, place in enumerate(match["places"]):
        where = f"{place['date'] or 'no date'}  {place['origin']}  {place['anchor']}  {place['path']}"
        yield f"  {'also' if at else 'first':<9} {where}"
    if match["occurrences"] > len(match["places"]):
        yield f"            and {match['occurrences'] - len(match['places']):,} more occurrences; --places shows more"
    for license in match["licenses"]:
        evidence = f"; evidence {license['evidence'][0]}" if license["evidence"] else ""
        yield f"  licence   {license['policy']}: {license['verdict']} ({license['expression'] or 'no licence found'}){evidence}"
    if match["opt_out"] != "nowhere":
        yield f"  opted out {match['opt_out']}"
    for dataset in match["datasets"]:
        yield f"  dataset   {dataset['dataset']} {dataset['fingerprint'][:12]}"
