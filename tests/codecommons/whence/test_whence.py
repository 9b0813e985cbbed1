# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where code comes from, asked of a lake that the product's own stages have filled from folders."""

import io
import os
import random
import re
import shutil
import subprocess
import types

import pytest

from codecommons import annotate, archive, dedup, license
from codecommons.annotate.annotators.normalized_text import normalized
from codecommons.archive.views import visited_trees
from codecommons.engine import local_engine
from codecommons.errors import UsageError
from codecommons.lake import Lake
from codecommons.optout import desk
from codecommons.optout.requests import Request, Submission
from codecommons.settings import Settings
from codecommons.swhid import content_id, swhid_text
from codecommons.whence import render, whence
from codecommons.whence.search import MOST_MATCHES

DAY = "2026-01-31"
MIT = b"SPDX-License-Identifier: MIT\n"
WORDS = [f"word{number}" for number in range(400)]


def text(seed, count=300):
    """Some lines of words, each time the same."""
    words = random.Random(seed).choices(WORDS, k=count)
    return "\n".join(" ".join(words[at : at + 8]) for at in range(0, count, 8))


def jaccard(one, other):
    """Similarity of two texts as `words` defines it, computed with sets."""
    sets = []
    for data in (one, other):
        words = re.findall(r"\w+", data.decode().lower())
        sets.append({tuple(words[at : at + 5]) for at in range(len(words) - 4)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def edited(data, *places):
    """A text with other words in some places."""
    words = data.split(b" ")
    for place in places:
        words[place] = b"changed"
    return b" ".join(words)


AREA = f"# {MIT.decode()}{text(1)}\n".encode()
CLOSE = edited(AREA, 40, 80)
OTHER = text(2).encode()


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    place = tmp_path_factory.mktemp("whence")
    for name, files in {"first": {"src/area.py": AREA, "LICENSE": MIT}, "second": {"copy.py": AREA, "close.py": CLOSE}}.items():
        for path, data in files.items():
            file = place / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    (place / "second" / "tiny.py").write_bytes(b"x = 1\n")
    (place / "second" / "wide.txt").write_bytes(text(3).encode("utf-16"))
    (place / "second" / "picture").write_bytes(bytes(range(256)) * 4)
    lake = Lake.open(Settings(place / "home", str(place / "home" / "lake"), workers=0))
    engine = local_engine(lake.settings)
    archive.add_inputs(lake, [f"path:{place / name}" for name in ("first", "second")], DAY)
    for stage in (archive.ingest_slice, annotate.annotate_slice, license.qualify_slice, dedup.compare_slice):
        stage(lake, engine, DAY, "path")
    return lake


@pytest.fixture
def ask(lake, tmp_path):
    def asked(data, **arguments):
        file = tmp_path / "asked"
        file.write_bytes(data)
        return whence(lake, str(file), **arguments)

    return asked


def found(answer):
    return {match["swhid"]: match["match"] for match in answer["matches"]}


def swhid(data):
    return swhid_text("cnt", content_id(data))


def test_the_same_bytes_are_found_with_every_place_licence_and_evidence(ask):
    answer = ask(AREA)
    match = answer["matches"][0]
    assert (match["swhid"], match["match"], match["similarity"]) == (swhid(AREA), "exact", 1.0)
    assert match["occurrences"] == 2
    assert sorted(place["path"] for place in match["places"]) == ["copy.py", "src/area.py"]
    licenses = {one["policy"].rpartition("-")[0]: one for one in match["licenses"]}
    assert (licenses["permissive"]["verdict"], licenses["permissive"]["expression"]) == ("permissive", "MIT")
    assert licenses["permissive"]["evidence"][0].startswith(swhid(AREA))
    assert match["first_occurrence"] == match["places"][0]


def test_another_spelling_of_line_ends_and_blanks_is_the_same_text(ask):
    for data in (AREA.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + AREA, AREA.replace(b"\n", b" \t\n") + b"\n\n"):
        assert found(ask(data))[swhid(AREA)] == "normalized"


@pytest.mark.parametrize("data", [edited(AREA, 120), AREA + text(9, 40).encode(), AREA[len(AREA) // 5 :]])
def test_similar_texts_are_found_with_their_exact_similarity(ask, data):
    answer = ask(data)
    near = {match["swhid"]: match for match in answer["matches"]}
    for stored in (AREA, CLOSE):
        similarity = jaccard(data, stored)
        assert similarity > 0.7  # else this test would say nothing
        assert near[swhid(stored)]["match"] == "near"
        assert near[swhid(stored)]["similarity"] == pytest.approx(similarity)
        assert near[swhid(stored)]["duplicate"]
    scores = [match["similarity"] for match in answer["matches"]]
    assert scores == sorted(scores, reverse=True)


def test_what_the_lake_has_finds_its_near_duplicates_by_name(lake):
    assert found(whence(lake, swhid(AREA))) == {swhid(AREA): "exact", swhid(CLOSE): "near"}


def test_a_text_in_another_encoding_is_the_text_it_stands_for(ask):
    answer = ask(text(3).encode())
    assert [(match["match"], match["similarity"]) for match in answer["matches"]] == [("normalized", 1.0)]


def test_what_is_not_there_is_told_with_what_was_searched(ask, lake):
    answer = ask(OTHER)
    assert not answer["found"]
    assert answer["searched"] == {"contents": 6, "texts_compared": 5, "origins": 2, "newest_slice": DAY, "crowded_bands": 0}
    assert "not found" in render(answer)
    assert "6 contents of 2 origins" in render(answer)


@pytest.mark.parametrize(
    ("data", "note"),
    [(b"", "empty"), (b"\0\1\2" * 99, "no text"), (b"x = 2\n", "fewer than 5 words"), (b"!\n" * 99, "fewer than 5")],
)
def test_what_can_not_be_compared_is_asked_for_by_name_only_and_says_so(ask, data, note):
    answer = ask(data)
    assert not answer["found"]
    assert note in answer["note"]


def test_a_tiny_file_and_a_picture_are_found_by_their_bytes(ask):
    assert found(ask(b"x = 1\n")) == {swhid(b"x = 1\n"): "exact"}
    assert found(ask(b"x = 1  \r\n")) == {swhid(b"x = 1\n"): "normalized"}
    assert list(found(ask(bytes(range(256)) * 4)).values()) == ["exact"]


def test_a_name_whose_bytes_nobody_has_is_not_found_and_says_why(lake):
    answer = whence(lake, swhid(OTHER))
    assert not answer["found"]
    assert "its bytes are not in the lake" in answer["note"]


def test_standard_input_is_read_and_places_are_bounded(lake, monkeypatch):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(AREA)))
    answer = whence(lake, "-", most_places=1)
    assert len(answer["matches"][0]["places"]) == 1
    assert "and 1 more places" in render(answer)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere.py", "^nowhere.py can't be read: No such file"),
        ("swh:1:dir:" + "0" * 40, "is no content"),
        ("swh:1:cnt:xyz", "swh:1:cnt:xyz"),
        ("", "^nothing was named; give a file"),
        (" ", "^nothing was named; give a file"),
    ],
)
def test_nonsense_is_a_usage_error(lake, target, said):
    with pytest.raises(UsageError, match=said):
        whence(lake, target)


def test_a_lake_without_anything_answers_too(tmp_path):
    settings = Settings(tmp_path, str(tmp_path / "lake"), workers=0)
    (tmp_path / "asked").write_bytes(AREA)
    answer = whence(Lake.open(settings), str(tmp_path / "asked"))
    assert answer["searched"] == {"contents": 0, "texts_compared": 0, "origins": 0, "newest_slice": None, "crowded_bands": 0}


def test_the_repository_that_had_it_first_is_named_though_later_copies_are_closer(tmp_path):
    years = {"2006": edited(AREA, 10, 60), "2024": AREA}
    for year, data in years.items():
        repository = tmp_path / year
        repository.mkdir()
        git = ["git", "-C", str(repository), "-c", "user.name=A", "-c", "user.email=a@example.org"]
        dates = {f"GIT_{who}_DATE": f"{year}-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
        for version in (OTHER, data):
            (repository / "area.py").write_bytes(version)
            for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
                subprocess.run([*git, *command], check=True, env={**os.environ, **dates})
    fork = shutil.copytree(tmp_path / "2006", tmp_path / "fork")
    other = Lake.open(Settings(tmp_path / "home", str(tmp_path / "lake"), workers=0))
    archive.add_inputs(other, [f"git:{tmp_path / name}" for name in (*years, "fork")], DAY)
    for stage in (archive.ingest_slice, annotate.annotate_slice, license.qualify_slice, dedup.compare_slice):
        stage(other, local_engine(other.settings), DAY, "git")
    answer = whence(other, swhid(AREA))
    assert list(found(answer).items()) == [(swhid(AREA), "exact"), (swhid(years["2006"]), "near")]
    assert answer["earliest"]["swhid"] == swhid(years["2006"])
    assert answer["earliest"]["date"].year == 2006
    assert answer["earliest"]["origin"].endswith("/2006")
    assert answer["earliest"]["forks"] == [fork.as_uri()]
    [told] = [line for line in render(answer).splitlines() if line.startswith("  earliest  2006-01-01")]
    assert told.endswith(f"; the same in {fork.as_uri()}")
    assert [(match["occurrences"], len(match["places"])) for match in answer["matches"]] == [(1, 1), (2, 2)]
    [old] = whence(other, swhid(OTHER))["matches"]
    assert (old["swhid"], old["first_occurrence"]["date"].year, old["occurrences"]) == (swhid(OTHER), 2006, 3)
    assert "no decision: these are about files" in render(whence(other, swhid(OTHER)))


def test_an_anchor_of_a_crowded_band_finds_everybody_who_was_compared_with_it_and_tells_of_the_closest(tmp_path):
    texts = [f"{text(1)} end {number}".encode() for number in range(2 * dedup.WORDS.anchors)]
    for number, data in enumerate(texts):
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / f"{number}.txt").write_bytes(data)
    crowd = Lake.open(Settings(tmp_path / "home", str(tmp_path / "lake"), workers=0))
    archive.add_inputs(crowd, [f"path:{tmp_path / 'many'}"], DAY)
    for stage in (archive.ingest_slice, annotate.annotate_slice, license.qualify_slice, dedup.compare_slice):
        stage(crowd, local_engine(crowd.settings), DAY, "path")
    anchor = min(swhid(data) for data in texts)
    answer = whence(crowd, anchor, most_places=1)
    assert (len(answer["matches"]), answer["more"]) == (MOST_MATCHES, len(texts) - MOST_MATCHES)
    assert answer["searched"]["crowded_bands"] > 0
    assert "bands hold more texts than are compared" in render(answer)
    assert f"more      {len(texts) - MOST_MATCHES} contents" in render(answer)


def test_what_was_opted_out_says_so(lake, ask):
    first, second = sorted(place["origin"] for place in ask(AREA)["matches"][0]["places"])
    states = [ask(AREA)["matches"][0]["opt_out"]]
    for origin in (first, second):
        asked = Submission((Request("origin", (origin,), None),), {"contact": "someone@example.org"})
        [one] = desk.submit(lake, asked, "2026-01-31T12:00:00+00:00")
        desk.verify(lake, one.id, visited_trees(lake), "seen by a test")
        states.append(ask(AREA)["matches"][0]["opt_out"])
    assert states == ["nowhere", "somewhere", "everywhere"]
    assert "opted out everywhere" in render(ask(AREA))


@pytest.mark.parametrize(
    ("one", "other"),
    [(b"a \nb", b"a\nb\n"), (b"a\rb", b"a\r\nb"), (b"\xef\xbb\xbfa", b"a"), (b"a\t\n\n\n", b"a"), (b"a\x0c\nb", b"a\nb")],
)
def test_what_normalising_leaves_out(one, other):
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(("one", "other"), [(b"a\nb", b"ab"), (b" a", b"a"), (b"a\n\nb", b"a\nb"), (b"A", b"a")])
def test_what_normalising_keeps(one, other):
    assert normalized(one) != normalized(other)
    assert normalized(b" \n\n") is None
