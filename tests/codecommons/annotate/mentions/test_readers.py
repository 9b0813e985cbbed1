# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Mentions as their layouts have them, beside SoFAIR's known answers."""

from __future__ import annotations

import json
import re
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.annotate.mentions import read, rows
from codecommons.annotate.mentions.mention import Mention, address, doi, mentioned_place
from codecommons.archive.sources.mentions import SOURCE

TEI = "{http://www.tei-c.org/ns/1.0}"


@pytest.fixture(scope="module")
def papers(shared_data):
    lines = (shared_data / "software-mentions" / "sofair_tei.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_every_mention_of_the_dataset_is_there_with_its_name_and_place(papers):
    found = 0
    for paper in papers:
        root = ElementTree.fromstring(paper["tei_xml"].encode())
        text = "".join("".join(one.itertext()) for one in root.iter(f"{TEI}text"))
        names = ["".join(one.itertext()).strip() for one in root.iter(f"{TEI}rs") if one.get("type") == "software"]
        mentions = read("tei", paper)
        found += len(mentions)
        assert [one.name for one in mentions] == [re.sub(r"\s+", " ", name) for name in names]
        assert [text[one.start : one.end] for one in mentions] == names
    assert found == sum(paper["n_software_mentions"] for paper in papers) == 848


def test_what_belongs_to_a_mention_is_found_by_what_it_corresponds_to(papers):
    for paper in papers:
        root = ElementTree.fromstring(paper["tei_xml"].encode())
        ids = {
            one.get("{http://www.w3.org/XML/1998/namespace}id") for one in root.iter(f"{TEI}rs") if one.get("type") == "software"
        }
        parts = [one for one in root.iter(f"{TEI}rs") if one.get("corresp") in ids - {None}]
        mentions = read("tei", paper)
        for kind, said in (("version", "versions"), ("url", "urls"), ("publisher", "publishers"), ("language", "languages")):
            expected = {re.sub(r"\s+", " ", "".join(one.itertext())).strip() for one in parts if one.get("type") == kind}
            assert {value for mention in mentions for value in getattr(mention, said)} == expected


def test_an_address_is_told_from_how_it_was_set(papers):
    said = {place for paper in papers for row in rows(read("tei", paper)) for place in row["places"]}
    for place in (  # broken over lines, bracketed, without a scheme
        "github.com/msorok/naturalproductsonline",
        "github.com/hcov-2019/pangolin",
        "github.com/fineprint-global/app-mining-areapolygonization",
        "ormbunkar.se/aliview",
        "github.com/lh3/seqtk",
    ):
        assert place in said


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("https://github.com/ada/one/blob/main/README.md", "github.com/ada/one"),
        ("https://gitlab.com/ada/one/-/tree/main", "gitlab.com/ada/one"),
        ("https://gitlab.com/group/sub/one", "gitlab.com/group/sub/one"),
        ("http://example.org/~ada/one", "example.org/~ada/one"),
        ("pkg:pypi/requests@2.31.0", "pkg:pypi/requests"),
        ("see the appendix", None),
        ("one/two", None),
        ("C:\\code", None),
        ("http://[::1", None),
    ],
)
def test_a_page_in_a_repository_means_the_repository(written, place):
    assert mentioned_place(address(written)) == place


def test_a_page_about_a_package_means_the_package():
    from packageurl.contrib.purl2url import get_repo_url

    for purl in ("pkg:pypi/ruamel-yaml", "pkg:npm/lodash"):
        assert mentioned_place(get_repo_url(purl)) == purl


def test_brackets_and_points_behind_an_address_are_not_its_own():
    assert address("https://example.org/a(b).") == "https://example.org/a(b)"
    assert address("https://example.org/a),") == "https://example.org/a"
    assert address(" . ") is None
    assert address("x" * 2001) is None


def test_a_doi_is_found_in_whatever_form():
    assert doi(None, "https://doi.org/10.5555/ABC.1") == doi("doi:10.5555/abc.1;") == "10.5555/abc.1"
    assert doi("https://example.org/paper") is None


SOFTCITE = {
    "application": "software-mentions",
    "metadata": {"doi": "10.1234/abc"},
    "mentions": [
        {
            "type": "software",
            "software-type": "software",
            "software-name": {"rawForm": "requests", "normalizedForm": "requests", "offsetStart": 8, "offsetEnd": 16},
            "version": {"rawForm": "2.31.0", "normalizedForm": "2.31.0", "offsetStart": 17, "offsetEnd": 23},
            "url": {"rawForm": "https: //example.org/psf/requests", "normalizedForm": "https: //example.org/psf/requests"},
            "context": "We used requests 2.31.0.",
            "mentionContextAttributes": {"used": {"value": True, "score": 0.99}, "created": {"value": False, "score": 0.01}},
            "documentContextAttributes": {"used": {"value": True, "score": 1}, "shared": {"value": "yes", "score": 1}},
        },
        {"type": "software", "software-name": {"rawForm": "R"}},
        {"software-type": "implicit", "software-name": {"rawForm": "script"}},
    ],
}


def test_softcite_tells_names_versions_offsets_and_purposes():
    one, short, implicit = rows(read("softcite", SOFTCITE))
    assert (one["name"], one["versions"], one["urls"], one["places"]) == (
        "requests",
        ["2.31.0"],
        ["https://example.org/psf/requests"],
        ["example.org/psf/requests"],
    )
    context = SOFTCITE["mentions"][0]["context"]
    assert context[one["start_offset"] : one["end_offset"]] == "requests"
    assert (one["used"], one["used_score"], one["created"], one["shared"]) == (True, 0.99, False, None)
    assert (one["document_used"], one["document_used_score"], one["document_shared"]) == (True, 1.0, None)
    assert (one["name_form"], short["name_form"], implicit["name_form"]) == ("requests", None, None)


def coar(software, **more):
    relationship = {"type": "Relationship", "as:subject": "https://example.org/paper", "as:object": software}
    return {"id": "urn:uuid:1", "type": ["Announce", "coar-notify:RelationshipAction"], "object": {**relationship, **more}}


def test_an_announcement_names_an_origin_or_a_swhid():
    [origin] = rows(read("coar", coar("https://example.org/ada/one.git", **{"as:relationship": "https://schema.org/citation"})))
    assert (origin["places"], origin["relationship"], origin["swhid"]) == (
        ["example.org/ada/one"],
        "https://schema.org/citation",
        None,
    )
    swhid = f"swh:1:dir:{'ab' * 20};origin=https://example.org/ada/one"
    [both] = rows(read("coar", coar(swhid)))
    assert (both["swhid"], both["places"]) == (swhid, ["example.org/ada/one"])
    with pytest.raises(ValueError, match="swh:1:dir:xyz"):
        read("coar", coar("swh:1:dir:xyz"))


@pytest.mark.parametrize(
    ("tei", "why"),
    [
        ("<tei><text>", "no XML"),
        ('<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><t>&b;</t>', "entity"),
        ("<t>" * 2000, "nested too deeply"),
        ("<t>" + '<rs type="software">x</rs>' * 100_002 + "</t>", "more is marked"),
        ("<t>" + '<rs type="software">' * 900 + "x<a/>" * 500_000, "nested too deeply"),
    ],
)
def test_hostile_tei_is_refused_in_little_time(tei, why):
    begun = time.process_time()
    with pytest.raises(ValueError, match=why):
        read("tei", {"tei_xml": tei})
    assert time.process_time() - begun < 2


def test_a_mark_around_a_whole_book_is_no_name_and_takes_little_time():
    marks = '<rs type="software">' * 12 + "word <a/>" * 300_000 + "</rs>" * 12
    begun = time.process_time()
    found = read("tei", {"tei_xml": f'<t><text>{marks}<rs type="software"> R </rs></text></t>'})
    assert [one.name for one in found] == [*[None] * 12, "R"]
    assert (found[-1].start, found[-1].end) == (1_500_001, 1_500_002)
    assert time.process_time() - begun < 4


@pytest.mark.parametrize("piece", ["<rs ", "<rs type", '<rs type="x" ', "<rs type = "])
def test_marks_without_end_are_counted_in_little_time(piece):
    begun = time.process_time()
    row = SOURCE.row("item", {"id": "a", "tei_xml": piece * 200_000 + '<rs type="software">x</rs>'}, b"")
    assert row[4] == 1
    assert time.process_time() - begun < 2


@given(
    st.dictionaries(
        st.sampled_from(["software-name", "version", "url", "mentionContextAttributes", "software-type"]),
        st.recursive(
            st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5)),
            lambda one: st.dictionaries(
                st.sampled_from(["rawForm", "normalizedForm", "offsetStart", "used", "value", "score"]), one, max_size=3
            ),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_whatever_softcite_holds_gives_rows(mention):
    assert len(rows(read("softcite", {"mentions": [mention]}))) == 1


@given(st.text(max_size=60))
def test_any_text_may_stand_for_an_address(said):
    clean = address(said)
    form = mentioned_place(clean) if clean else None
    assert form is None or (form and not form.endswith(("/", ".git")) and " " not in form)


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://pypi.org/project/++", "pypi.org/project/++"),
        ("https://www.nuget.org/packages///", "www.nuget.org/packages"),
        ("https://pypi.org/project/+/", "pypi.org/project/+"),
    ],
)
def test_an_address_that_no_page_of_a_package_has_is_an_address(url, form):
    assert mentioned_place(url) in (form, form.removeprefix("www."))


@pytest.mark.parametrize("host", ["github.com", "gitlab.com", "bitbucket.org", "pypi.org", "rubygems.org", "example.org"])
def test_addresses_made_to_be_slow_take_little_time(host):
    begun = time.process_time()
    for piece in ("/", "a/", "://"):
        said = f"https://{host}/" + piece * 600
        assert len(rows([Mention(None, urls=(said,) * 50)])[0]["urls"]) == 50
    assert time.process_time() - begun < 2
