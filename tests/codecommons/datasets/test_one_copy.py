# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which of several copies stay, and what that costs whom, against the same in plain Python: one row after the other."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codecommons.datasets import counting, facts, losses, selection
from codecommons.datasets.rules import GROUPS
from codecommons.datasets.selection import Funnel
from codecommons.datasets.specification import ORDERS, Deduplicate
from codecommons.dedup.earlier import Known
from codecommons.license.policy import VERDICTS

# A group of so many files is large enough for the alarm here.
ALARMING = 3
SIMILARITIES = (0.7, 0.75, 0.9, 1.0)


@dataclass(frozen=True)
class Row:
    content: bytes
    origin: str
    anchor: str
    path: bytes
    verdict: str | None
    anchor_date: int | None
    since: int | None
    stars: int | None
    language: str | None
    source: str
    length: int

    @property
    def repository(self):
        return self.origin, self.anchor


def last(value, down=False):
    return (1, 0) if value is None else (0, -value if down else value)


TERMS = {
    "permissive": lambda row: last(None if row.verdict is None else VERDICTS.index(row.verdict)),
    "earliest": lambda row: last(row.since),
    "popular": lambda row: last(row.stars, down=True),
    "latest": lambda row: last(row.anchor_date, down=True),
    "shortest_path": lambda row: len(row.path),
}


def by_preference(rows, order):
    def key(row):
        return (*(TERMS[name](row) for name in order), last(row.since), last(row.anchor_date), row.anchor, row.origin, row.path)

    return sorted(rows, key=key)


def taken(names, similarity, threshold):
    """Of those that go, in order: which one stays instead, and how similar it is."""
    kept, instead = [], {}
    for one in names:
        alike = [(similarity(one, other), -place) for place, other in enumerate(kept)]
        closest, place = max(alike, default=(0, 0))
        if closest >= threshold:
            instead[one] = kept[-place], closest
        else:
            kept.append(one)
    return instead


def expected(rows, pairs, asked):
    """Rows that stay with their marks, those that go with the reason, and of each group what it lost."""
    rows, gone, marks, stands_for = by_preference(rows, asked.order), [], {}, {}
    reached = rows
    better = {}
    if asked.repositories is not None:
        sets = {}
        for row in rows:
            sets.setdefault(row.repository, set()).add(row.content)
        better = taken(sets, lambda a, b: len(sets[a] & sets[b]) / len(sets[a] | sets[b]), asked.repositories)
    if asked.keep == "best":
        for row in rows:
            if row.repository in better:
                (origin, anchor), similarity = better[row.repository]
                stands_for[row] = f"{anchor} of {origin}"
                gone.append(("near_repository", row, None, similarity))
        rows = [row for row in rows if row.repository not in better]
    first = {}
    for row in rows:
        first.setdefault(row.content, row)
    copies = Counter(row.content for row in rows)
    gone += [("exact_duplicate", row, row.content, 1.0) for row in rows if first[row.content] != row]
    left = list(first)
    near = taken(left, lambda a, b: pairs.get((min(a, b), max(a, b)), 0), asked.threshold) if asked.threshold else {}
    if asked.keep == "best":
        gone += [("near_duplicate", first[one], other, similarity) for one, (other, similarity) in near.items()]
        for row in rows:
            if row.content in near:
                other = near[row.content][0]
                stands_for[row] = f"swh:1:cnt:{other.hex()} of {first[other].origin}"
        left = [one for one in left if one not in near]
    else:
        for one in left:
            other, similarity = near.get(one, (None, None))
            repository, alike = better.get(first[one].repository, (None, None))
            marks[first[one]] = (other, similarity, copies[one], repository, alike)
    stays = set(left)
    lost = {}
    for kind in GROUPS:
        groups = {}
        # Who goes as a whole repository says so before it is asked what its content is like.
        for row in sorted(reached, key=lambda row: row.repository not in better):
            group = groups.setdefault(getattr(row, kind) or "unknown", {})
            group.setdefault(row.content, None if row.content in stays else stands_for[row])
        for name, contents in groups.items():
            instead = Counter(one for one in contents.values() if one is not None)
            most = min(instead.items(), key=lambda item: (-item[1], item[0]), default=(None, 0))
            lost[kind, name] = (len(contents), instead.total(), *most)
    return [first[one] for one in left], gone, marks, lost


@st.composite
def worlds(draw):
    places = draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=24, unique=True)
    )
    dates = draw(st.lists(st.sampled_from([None, 1, 2]), min_size=8, max_size=8))
    stars = draw(st.lists(st.sampled_from([None, 0, 5]), min_size=4, max_size=4))
    rows = []
    for origin, anchor, path in places:
        content = draw(st.integers(0, 9))
        rows.append(
            Row(
                content=bytes([content]) * 20,
                origin=f"pkg:pypi/p{origin}",
                anchor=f"swh:1:rel:{anchor:x}{origin:039x}",
                path=b"d/" * (path % 2) + b"f%d.py" % path,
                verdict=draw(st.sampled_from([None, *VERDICTS[:2]])),
                anchor_date=dates[2 * origin + anchor],
                since=draw(st.sampled_from([0, dates[2 * origin + anchor]])),
                stars=stars[origin],
                language=(None, "Python", "C")[content % 3],
                source=("pypi", "npm")[origin % 2],
                length=content + 1,
            )
        )
    edges = draw(st.dictionaries(st.tuples(st.integers(0, 9), st.integers(0, 9)), st.sampled_from(SIMILARITIES), max_size=25))
    pairs = {(bytes([a]) * 20, bytes([b]) * 20): similarity for (a, b), similarity in edges.items() if a < b}
    never = draw(st.sampled_from(["earliest", "latest"]))
    asked = Deduplicate(
        threshold=draw(st.sampled_from([None, 0.7, 0.9])),
        repositories=draw(st.sampled_from([None, 0.5, 0.75, 1.0])),
        order=tuple(name for name in draw(st.permutations(ORDERS)) if name != never)[:3],
        keep=draw(st.sampled_from(["best", "all"])),
        most_lost=(("language", 0.4), ("source", 0.6), ("origin", draw(st.sampled_from([0.5, 1.0])))),
    )
    return rows, pairs, asked


def table(rows):
    return pl.DataFrame(
        [vars(row) for row in rows],
        schema_overrides={
            "verdict": pl.String,
            "language": pl.String,
            "stars": pl.Int64,
            "anchor_date": pl.Int64,
            "since": pl.Int64,
        },
    )


class Crowds:
    """Contents that share crowded bands, and what comparing them would tell; everything else about them is known."""

    def __init__(self, pairs, bands=(), anchors=64):
        self.bands, self.anchors, self.pairs = [sorted(bytes([one]) * 20 for one in band) for band in bands], anchors, pairs
        together = {(one, other) for band in self.bands for one in band for other in band}
        edges = [(*pair, similarity, True) for pair, similarity in pairs.items() if pair not in together]
        schema = {"a": pl.Binary, "b": pl.Binary, "similarity": pl.Float64, "accepted": pl.Boolean}
        self.edges = pl.DataFrame(edges, schema=schema, orient="row")

    def places(self, contents):
        """Band and place of each of them that is among some contents."""
        place = {content: at for at, content in enumerate(contents)}
        rows = [(band, place[one]) for band, members in enumerate(self.bands) for one in members if one in place]
        return pl.DataFrame(sorted(rows), schema={"band": pl.UInt64, "place": pl.UInt32}, orient="row")

    def known(self, contents):
        return Known(self.edges.lazy(), self.places(contents), self.anchors, lambda *both: self.compare(contents, *both))

    def compare(self, contents, left, right):
        both = ((contents[one], contents[other]) for one, other in zip(left.tolist(), right.tolist(), strict=True))
        return np.array([self.pairs.get((min(pair), max(pair)), 0.0) for pair in both])


def chosen(rows, asked, crowds):
    funnel = Funnel(table(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "contents", lambda *_: None)
        patch.setattr(selection, "known_then", lambda *arguments: crowds.known(arguments[3]["content"].to_list()))
        lost = selection._one_copy(funnel, asked, None, None, None)
    return funnel, lost


def keys(rows):
    return [(row.content, row.origin, row.anchor, row.path) for row in rows]


KEY = ["content", "origin", "anchor", "path"]


@settings(max_examples=120, deadline=None)
@given(worlds())
def test_what_stays_what_goes_for_what_and_what_each_group_loses_is_what_taking_one_after_the_other_gives(world):
    rows, pairs, asked = world
    stay, gone, marks, lost = expected(*world)
    funnel, found = chosen(rows, asked, Crowds(pairs))
    assert funnel.rows.select(KEY).rows() == keys(stay)
    drops = pl.concat(funnel.drops)
    told = [
        (rule, *key, kept, similarity) for rule, *key, kept, similarity in drops.select("rule", *KEY, "kept", "similarity").rows()
    ]
    assert sorted(told, key=repr) == sorted(((rule, *keys([row])[0], kept, s) for rule, row, kept, s in gone), key=repr)
    for row in funnel.rows.to_dicts() if asked.keep == "all" else ():
        other, similarity, copies, repository, alike = marks[next(one for one in stay if one.content == row["content"])]
        assert row["copies"] == copies
        if asked.threshold is not None:
            assert (row["similar_to"], row["similarity"]) == (other, similarity)
        if asked.repositories is not None:
            named = row["similar_repository"] and tuple(row["similar_repository"].split(";origin=")[::-1])
            assert (named, row["repository_similarity"]) == (repository, alike)
    assert {(kind, name): (*rest,) for kind, name, *rest in found.rows()} == lost


# Bands of contents, and the similarity of every two contents.
bands = st.lists(st.sampled_from([range(10), range(5), range(3, 9), (0, 3, 6, 9)]), unique=True)
alike = st.lists(st.sampled_from([0.0, 0.0, 0.7, 0.75, 0.9]), min_size=45, max_size=45)


@settings(max_examples=50, deadline=None)
@given(worlds(), bands, alike, st.sampled_from([1, 2, 64]))
def test_a_plan_counts_the_same_rows_and_warns_of_the_same_groups_and_compares_nothing_twice(world, bands, alike, anchors):
    rows, _, asked = world
    both = combinations((bytes([one]) * 20 for one in range(10)), 2)
    pairs = {pair: similarity for pair, similarity in zip(both, alike, strict=True) if similarity}
    asked = Deduplicate(asked.threshold or 0.75, None, asked.order, "best", asked.most_lost)
    crowds = Crowds(pairs, bands, anchors)
    every = table(rows).with_columns(license=pl.lit("MIT"), copied=pl.lit(False)).sort(*selection.LAST, nulls_last=True)
    numbers = every.select("content").unique().sort("content").with_row_index("content_id")
    ids = numbers["content"].to_list()
    number = {content: at for at, content in enumerate(ids)}
    edges = [(number[a], number[b], s) for a, b, s, _ in crowds.edges.rows() if a in number and b in number]
    edges = pl.DataFrame(edges, schema={"a": pl.UInt32, "b": pl.UInt32, "similarity": pl.Float64}, orient="row")
    asked_for = []

    def compare(texts, left, right):
        texts = texts.to_pylist()
        asked_for.extend(tuple(sorted((texts[one], texts[other]))) for one, other in zip(left, right, strict=True))
        return crowds.compare(texts, left, right)

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for module in (losses, counting):
            patch.setattr(module, "ALARMING", ALARMING)
        crowded = crowds.places(ids).rename({"place": "content_id"})
        facts.write(
            Path(folder), every.join(numbers, on="content", maintain_order="left"), len(ids), edges, "", crowded, crowds.anchors
        )
        # One after the other: as asked, of what is wanted with other preferences, and as asked.
        for wanted in (asked, replace(asked, order=asked.order[::-1]), asked):
            known = facts.read(Path(folder))
            counted = counting.Counted(known.with_texts())
            at, found = counting._one_copy(counted, known, wanted, counting._in_order(counted, wanted.order), compare)
            funnel, lost = chosen(rows, wanted, crowds)
            assert known.shown(at).select(KEY).rows() == funnel.rows.select(KEY).rows()
            assert counted.steps == funnel.steps
            assert losses.alarms(wanted, found) == losses.alarms(wanted, lost)
    assert len(asked_for) == len(set(asked_for))


def test_a_source_of_copies_of_what_near_duplicates_take_is_wiped_out_as_well_and_copies_of_what_stays_are_no_loss():
    def of(content, origin, source):
        anchor = f"swh:1:rel:{int(origin[1:]):040x}"
        return Row(
            bytes([content]) * 20,
            origin,
            anchor,
            b"%d.py" % content,
            VERDICTS[0],
            int(origin[1:]),
            int(origin[1:]),
            None,
            "C",
            source,
            1,
        )

    # p2 has copies of twenty files of p1, all of which go for one of p0; p3 copies of five that stay, and two of its own that go.
    rows = [of(0, "p0", "git"), *(of(content, "p1", "pypi") for content in range(1, 101))]
    rows += [of(content, "p2", "npm") for content in range(1, 21)]
    rows += [of(content, "p3", "deb") for content in (*range(90, 95), 200, 201)]
    pairs = {(bytes([0]) * 20, bytes([content]) * 20): 0.8 for content in (*range(1, 21), 200, 201)}
    _, lost = chosen(rows, Deduplicate(), Crowds(pairs))
    told = {name: (files, gone) for kind, name, files, gone, *_ in lost.rows() if kind == "source"}
    assert told == {"git": (1, 0), "pypi": (100, 20), "npm": (20, 20), "deb": (7, 2)}
