# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Whether a version is affected: the examples of OSV's schema, what real records list, and ranges that make no sense."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.annotate.vulnerabilities.ranges import Affected
from codecommons.annotate.vulnerabilities.records import read
from codecommons.annotate.vulnerabilities.statements import statements


def of(*ranges, ecosystem="npm", versions=(), kind="SEMVER"):
    """The statement about a package with these ranges, each a list of events."""
    said = [{"type": kind, "events": [dict([event]) for event in events]} for events in ranges]
    affected = {"package": {"ecosystem": ecosystem, "name": "thing"}, "ranges": said, "versions": list(versions)}
    [(_, statement)] = statements({"affected": [affected]})
    return Affected(statement)


def affected(said, *versions):
    return [said.verdict(version).affected for version in versions]


def test_the_examples_of_the_schema():
    assert affected(of([("introduced", "0")]), "0.0.0-a", "99.0.0") == [True, True]
    fixed = of([("introduced", "0"), ("fixed", "1.0.2")])
    assert affected(fixed, "0.1.0", "1.0.1", "1.0.2-rc.1", "1.0.2", "1.0.3") == [True, True, True, False, False]
    twice = of([("introduced", "1.0.0"), ("fixed", "1.0.2"), ("introduced", "3.0.0"), ("fixed", "3.2.5")])
    assert affected(twice, "0.9.0", "1.0.0", "1.0.2", "2.0.0", "3.0.0", "3.2.4", "3.2.5") == [
        False,
        True,
        False,
        False,
        True,
        True,
        False,
    ]
    last = of([("introduced", "1.0.0"), ("last_affected", "2.1.214")])
    assert affected(last, "2.1.214", "2.1.215-rc1", "2.1.215") == [True, False, False]
    limit = of([("introduced", "1.0.0"), ("fixed", "3.0.0"), ("limit", "2.0.0"), ("limit", "*")])
    assert affected(limit, "2.5.0") == [True]
    limit = of([("introduced", "1.0.0"), ("fixed", "3.0.0"), ("limit", "1.5.0"), ("limit", "2.0.0")])
    assert affected(limit, "1.9.9", "2.0.0", "2.5.0") == [True, False, False]


@given(
    st.lists(st.tuples(st.sampled_from(["introduced", "fixed", "last_affected"]), st.integers(0, 5)), min_size=1, max_size=6),
    st.data(),
)
def test_the_order_in_which_events_stand_makes_no_difference(events, data):
    said = [("introduced", "0.1.0"), *((event, f"{number}.0.0") for event, number in events)]
    shuffled = data.draw(st.permutations(said))
    versions = [f"{number}.{minor}.0" for number in range(6) for minor in (0, 1)]
    assert affected(of(said), *versions) == affected(of(shuffled), *versions)


RANK = {"introduced": 0, "fixed": 1, "last_affected": 2}


def as_the_schema_has_it(events, version):
    """IncludedInRanges and BeforeLimits of OSV's schema, line by line, for versions that are numbers."""
    limits = [number for event, number in events if event == "limit"]
    if limits and not any(version < limit for limit in limits):
        return False
    vulnerable = False
    for event, number in sorted((one for one in events if one[0] != "limit"), key=lambda one: (one[1], RANK[one[0]])):
        if event == "introduced" and version >= number:
            vulnerable = True
        elif (event == "fixed" and version >= number) or (event == "last_affected" and version > number):
            vulnerable = False
    return vulnerable


@given(st.lists(st.tuples(st.sampled_from([*RANK, "limit"]), st.integers(1, 6)), max_size=8), st.integers(0, 6))
def test_ranges_are_evaluated_as_the_pseudo_code_of_the_schema_does(events, begin):
    events = [*events, ("introduced", begin)]
    said = of([(event, f"{number}.0.0" if number else "0") for event, number in events])
    assert affected(said, *(f"{number}.0.0" for number in range(8))) == [
        as_the_schema_has_it(events, number) for number in range(8)
    ]


def test_ranges_that_are_upside_down_open_or_empty_have_an_answer():
    assert affected(of([("introduced", "2.0.0"), ("fixed", "1.0.0")]), "0.5.0", "1.5.0", "2.5.0") == [False, False, True]
    assert affected(of([("introduced", "1.0.0"), ("fixed", "1.0.0")]), "0.9.0", "1.0.0", "2.0.0") == [False, False, False]
    assert affected(of([("introduced", "1.0.0"), ("introduced", "1.0.0")]), "1.0.0") == [True]
    assert affected(of([("introduced", "0"), ("introduced", "0"), ("fixed", "1.0.0"), ("limit", "0.0.0")]), "0.5.0") == [False]


def test_what_can_not_be_told_says_why():
    for said, version, why in [
        (
            of([("introduced", "0")], ecosystem="Packagist", kind="ECOSYSTEM"),
            "1.0",
            "no order of this ecosystem's versions is known",
        ),
        (of([("introduced", "0"), ("fixed", "one")]), "1.0.0", "'one' is no version"),
        (of([("introduced", "0"), ("fixed", "1.0.0")]), "one", "'one' is no version"),
        (of([("introduced", "0"), ("fixed", "1.0.0")]), "1" * 5000, "has 5,000 characters"),
        (of([("fixed", "1.0.0")]), "1.0.0", "says nowhere where it begins"),
        (of([("introduced", 7)]), "1.0.0", "names no version"),
        (of([("introduced", "0")], kind="TIME"), "1.0.0", "none of OSV's"),
        (of([("introduced", f"{n}.0.0") for n in range(10_001)]), "1.0.0", "10,001 events"),
    ]:
        verdict = said.verdict(version)
        assert verdict.affected is None
        assert why in verdict.detail


def test_without_an_order_the_list_of_versions_is_all_that_counts():
    said = of([("introduced", "0"), ("fixed", "2.0")], ecosystem="Packagist", kind="ECOSYSTEM", versions=["1.0", "1.1"])
    assert (said.verdict("1.0").affected, said.verdict("1.0").rule) == (True, "versions")
    assert (said.verdict("1.0.0").affected, said.verdict("1.0.0").rule) == (False, "versions")
    assert "only the list of versions counts" in said.verdict("1.2").detail


def test_a_listed_version_counts_however_it_is_written():
    said = of(ecosystem="PyPI", versions=["1.0", "0.1-bulbasaur"])
    assert affected(said, "1.0.0", "1.0", "0.1-bulbasaur", "1.1") == [True, True, True, False]


def test_ranges_include_what_real_records_list_and_nothing_else(shared_data):
    lines = (shared_data / "osv" / "osv.jsonl").read_text().splitlines()
    said = [one for line in lines for _, one in statements(json.loads(line)["osv"]) if one.kind == "package" and one.place]
    released = defaultdict(set)
    for one in said:
        released[one.place] |= set(one.versions)
    right = odd = 0
    for one in said:
        if one.versions and one.ranges:
            by_range = Affected(replace(one, versions=()))
            for version in sorted(released[one.place]):
                verdict = by_range.verdict(version)
                right += verdict.affected == (version in one.versions)
                odd += verdict.affected is None and "is no version of this ecosystem" in verdict.detail
                assert verdict.affected in (None, version in one.versions), (one.name, version)
    assert (right, odd) == (6276, 24)  # of 0.1-bulbasaur and the like only lists can tell


def test_every_real_record_is_read_and_problems_are_named(shared_data):
    rows = []
    for line in (shared_data / "osv" / "osv.jsonl").read_text().splitlines():
        osv = json.loads(line)["osv"]
        rows.append(
            {
                "item": "x",
                "id": osv["id"],
                "modified": None,
                "published": None,
                "withdrawn": None,
                "aliases": [],
                "record": json.dumps(osv),
            }
        )
    records, made = read(rows)
    assert records.num_rows == len(rows)
    assert [one for row in records["problems"].to_pylist() for one in row] == [
        "affected[0]: '4e7d0df9093' is no full commit hash"
    ]
    assert set(made["kind"].to_pylist()) == {"package", "git"}
    assert made.num_rows == len(set(made["statement"].to_pylist()))


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=5), st.sampled_from(["PyPI", "GIT", "0", "*", "ECOSYSTEM"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "affected",
                    "package",
                    "ecosystem",
                    "name",
                    "purl",
                    "ranges",
                    "type",
                    "repo",
                    "events",
                    "introduced",
                    "fixed",
                    "versions",
                    "severity",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)


@given(json_values)
def test_whatever_a_record_holds_it_is_read_and_asked(affected):
    row = {"item": "x", "id": "x", "modified": None, "published": None, "withdrawn": None, "aliases": []}
    read([{**row, "record": json.dumps({"id": "x", "affected": affected})}])
    for _, statement in statements({"affected": affected}):
        if statement.kind == "package":
            Affected(statement).verdict("1.0")


@pytest.mark.parametrize("ecosystem", ["PyPI", "npm", "Debian", "Maven", "RubyGems", "NuGet", "Alpine", "Red Hat", "Packagist"])
def test_hostile_versions_cost_little(ecosystem):
    begun = time.process_time()
    for said in [
        "1." * 90,
        "9" * 199,
        "a" * 199,
        "-" * 199,
        "1-" * 99,
        "~" * 199,
        "1.0" + "a1" * 90,
        "\0",
        " ",
        "0" * 199,
        "é" * 99,
        "1_" * 99,
    ]:
        one = of([("introduced", "0"), ("fixed", said)], ecosystem=ecosystem, kind="ECOSYSTEM", versions=[said])
        one.verdict(said)
        one.verdict("1.0.0")
    assert time.process_time() - begun < 1
