# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Writes a story for a person: a heading, then chapters of one line a fact."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

Row = dict[str, Any]

_MOST_FORKS = 3


def render(story: Row, limit: int = 10) -> str:
    """Write what ``explain`` returned.

    Args:
        story: the story.
        limit: lines of one chapter; how many more there are is said.
    """
    return "\n".join([*_heading(story), *_chapters(story, limit)])


def _heading(story: Row) -> Iterator[str]:
    name, content = story.get("swhid") or story["origin"], story.get("content") or {}
    length = f", {content['length']:,} bytes" if content.get("length") is not None else ""
    yield f"{name}  {story['kind']}{length}{'' if story['known'] else ', not in the lake'}"
    if story["target"] != name:
        yield f"  asked as  {story['target']}"
    if story["archive"]:
        yield f"  archive   {story['archive']}"
    if content.get("reason"):
        yield f"  skipped   its bytes are not here: {content['reason']}"
    if first := story.get("first_occurrence"):
        yield f"  first     {first['date'] or 'no possible date'}  {_place(first)}{also_in(first['forks'])}"
    if "note" in story:
        yield f"  note      {story['note']}"


def _chapters(story: Row, limit: int) -> Iterator[str]:
    for key, (title, line) in _CHAPTERS.items():
        if rows := story.get(key):
            yield f"\n{title} ({len(rows):,})"
            yield from (f"  {line(row)}" for row in rows[:limit])
            if len(rows) > limit:
                yield f"  … and {len(rows) - limit:,} more; --limit shows more, --json all"


def also_in(forks: list[str]) -> str:
    """Which other origins hold the revision that had something first: nobody can tell whose it was."""
    more = f" and {len(forks) - _MOST_FORKS:,} more" if len(forks) > _MOST_FORKS else ""
    return f"; the same in {', '.join(forks[:_MOST_FORKS])}{more}" if forks else ""


def _place(row: Row) -> str:
    return f"{row['origin']}  {row['anchor']}  {row['path']}"


def _annotation(row: Row) -> str:
    of = row.get("name") or row.get("path")
    said = {key: value for key, value in row["value"].items() if value not in (None, False, [], "")}
    told = ", ".join(f"{key} {_value(value)}" for key, value in said.items())
    return f"{row['annotator']}{f' of {of}' if of else ''}: {told or 'nothing to say'}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list) and isinstance(value[0], dict) and "kind" in value[0]:  # spans: how many, where is in --json
        return ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(one["kind"] for one in value).items()))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# What decided -> how a sentence about it begins.
_SAYS = {
    "header": "the file itself says",
    "declared": "the collection that brought it declares",
    "listed": "a list of the project's files and licences says",
    "license-file": "the nearest licence file up its tree says",
    "metadata": "the nearest package metadata up its tree say",
    "mention": "no licence file, but a README or notice up its tree says",
    "nothing": "nobody in its tree says anything",
    "foreign": "it is somebody else's code, of which nobody says anything",
}


def _decision(row: Row) -> str:
    kind, _, rule = row["rule"].partition("/")
    said = f"{_SAYS.get(kind, kind)} {row['expression'] or ''}".rstrip()
    if row["verdict"] == "conflict":
        said = f"licence file and metadata contradict each other ({row['expression']})"
    asks = f"; it asks for: {', '.join(row['obligations'])}" if row["obligations"] else ""
    evidence = f"; evidence {', '.join(row['evidence'])}" if row["evidence"] else ""
    worth = f"{row['verdict']} by rule {rule} of version {row['version']}"
    return f"{row['policy']}: {said}, which is {worth}{asks}. For {row['path']} in {row['root']}{evidence}"


def _opt_out(row: Row) -> str:
    where = f"at {row['origin']}  {row['path']}" if row["origin"] else "wherever it is"
    return f"{row['reason']}: in no dataset that is built from now on, {where}"


def _pair(row: Row) -> str:
    verdict = "accepted" if row["accepted"] else "not accepted"
    return f"{row['content']}  similarity {row['similarity']:.3f}, {verdict} ({row['configuration']})"


def _release_row(row: Row) -> str:
    return f"{row['dataset']} {row['fingerprint'][:12]}: row {row['row']} of {row['shard']}, from {row['origin']}  {row['path']}"


def _drop(row: Row) -> str:
    instead = f"; kept {row['kept']}" if row["kept"] else ""
    similarity = f", similarity {row['similarity']:.3f}" if row["similarity"] is not None else ""
    evidence = f" ({', '.join(row['evidence'])})" if row["evidence"] else ""
    why = f"{row['rule']}{evidence}{instead}{similarity}"
    return f"{row['dataset']} {row['fingerprint'][:12]}: {why}, at {row['origin']}  {row['path']}"


def _vulnerability(row: Row) -> str:
    which = f"{row['version'] or ''} {row['anchor']}".strip()
    also = f" ({', '.join(row['aliases'])})" if row["aliases"] else ""
    if row["state"] != "affected":
        return f"{row['id']}{also}: can't be told of {which}: {row['detail']}"
    fixed = f"; fixed in {', '.join(row['fixed'])}" if row["fixed"] else ""
    but = f"; {row['detail']}" if row["rule"] == "git-range" and row["detail"] else ""
    return f"{row['id']}{also}: affects {which} by {row['rule']}{fixed}{but}"


def _mentioned(row: Row) -> str:
    what = " ".join(filter(None, (row["name"], *row["versions"][:1]))) or "software"
    purposes = [purpose for purpose in ("used", "created", "shared") if row[purpose]]
    by = f"by {row['rule']}, confidence {row['confidence']}" + (f"; {', '.join(purposes)}" if purposes else "")
    return f"{row['doi'] or row['paper']}: {what} ({by})" + (f"  {row['title']}" if row["title"] else "")


def _quarantined(row: Row) -> str:
    said = f"{row['slice']}  {row['source']}:{row['item']}: {row['reason']} in {row['stage']}: {row['detail']}"
    return f"{said} (kept)" if row["kept"] else said


# Key of the story -> title of the chapter and what a line says, in the order of reading.
_CHAPTERS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "occurrences": ("Occurrences", lambda row: f"{row['slice']}  {_place(row)}"),
    "path_occurrences": ("Other bytes at this path", lambda row: f"{row['slice']}  {_place(row)}  {row['content']}"),
    "annotations": ("Annotations", _annotation),
    "license_decisions": ("Licence decisions", _decision),
    "forge": (
        "Licences that forges show, where nobody else says anything",
        lambda row: f"{row['origin']}: {row['license']}, as of {row['observed_at']}",
    ),
    "opt_outs": ("Opted out", _opt_out),
    "duplicate_pairs": ("Near-duplicates", _pair),
    "datasets": ("In datasets", _release_row),
    "dropped": ("Left out of datasets", _drop),
    "vulnerabilities": ("Known vulnerabilities", _vulnerability),
    "mentions": ("Mentions in papers", _mentioned),
    "visits": (
        "Visits",
        lambda row: f"{row['slice']}  visit {row['visit']}: {row['status']}, {row['snapshot'] or 'nothing seen'}",
    ),
    "licenses": (
        "Licences",
        lambda row: f"{row['policy']}: {row['verdict']}, {row['files']:,} files, {row['contents']:,} contents",
    ),
    "anchors": ("Anchors", lambda row: f"{row['date'] or 'no date'}  {row['anchor']}  {row.get('origin') or row['root']}"),
    "parents": ("In directories", lambda row: f"{row['directory']}  as {row['name']}"),
    "quarantine": ("Quarantine and remarks", _quarantined),
}
