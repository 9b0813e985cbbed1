# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Tells a person where code comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from codecommons.explain.text import also_in

Row = dict[str, Any]

_HOW = {"exact": "the same bytes", "normalized": "the same but for blanks, line ends and which Unicode encoding it is in"}
_MOST_DECISIONS = 3


def render(answer: Row) -> str:
    """Write what ``whence`` returned."""
    return "\n".join(_lines(answer))


def _lines(answer: Row) -> Iterator[str]:
    searched = answer["searched"]
    length = "" if answer["length"] is None else f", {answer['length']:,} bytes"
    asked = "" if answer["target"].startswith("swh:") else f"  {answer['target']}"
    yield f"{answer['swhid']}{length}{asked}"
    for match in answer["matches"]:
        yield ""
        yield from _match(match)
    yield "" if answer["found"] else "  not found"
    if answer["more"]:
        yield f"  more      {answer['more']:,} contents that are less similar"
    if len(answer["matches"]) > 1 and answer["earliest"]:
        first = answer["earliest"]
        place = f"{first['date']}  {first['origin']}  {first['anchor']}  {first['path']}  {first['swhid']}"
        yield f"  earliest  {place}{also_in(first['forks'])}"
    texts = f"{searched['texts_compared']:,} of them compared as texts"
    where = f"{searched['contents']:,} contents of {searched['origins']:,} origins, {texts}"
    yield f"  searched  {where}; newest slice {searched['newest_slice'] or 'none'}"
    if searched["crowded_bands"]:
        yield f"  crowded   {searched['crowded_bands']} bands hold more texts than are compared; of these some were not looked at"
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
        yield f"            and {match['occurrences'] - len(match['places']):,} more places; --places shows more"
    for policy, told in groupby(match["licenses"], key=itemgetter("policy")):
        yield from _licenses(policy, list(told))
    if not match["licenses"]:
        yield "  licence   no decision: these are about files of the trees that visits show"
    if match["opt_out"] != "nowhere":
        yield f"  opted out {match['opt_out']}"
    for dataset in match["datasets"]:
        yield f"  dataset   {dataset['dataset']} {dataset['fingerprint'][:12]}"


def _licenses(policy: str, told: list[Row]) -> Iterator[str]:
    """What a policy made of it: every decision with its evidence, or how many of each there are."""
    if len(told) > _MOST_DECISIONS:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(one["verdict"] for one in told).most_common())
        yield f"  licence   {policy}: {counts}, by where it is; --json shows each"
        return
    for one in told:
        evidence = f"; evidence {one['evidence'][0]}" if one["evidence"] else ""
        yield f"  licence   {policy}: {one['verdict']} ({one['expression'] or 'no licence found'}){evidence}"
