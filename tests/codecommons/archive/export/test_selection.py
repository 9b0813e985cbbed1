# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is taken of an export is written in one line, read strictly, and comes back as it was written."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.archive.export.selection import Selection, parse_selection, read_selection
from codecommons.errors import UsageError

URI = "s3://bucket/graph/2024-05-16"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("orgin=https://x/*", "unknown parameter 'orgin'; did you mean 'origin'?"),
        ("visits=latestfull", "visits is 'latestfull'; did you mean 'latest-full'?"),
        ("branch=heads", "did you mean 'head'?"),
        ("history=maybe", "history is 'maybe'"),
        ("since=2024-13-01", "since is '2024-13-01'; it must be a day such as"),
        ("since=20240101", "it must be a day such as"),
        ("since=2024-02-01&until=2024-02-01", "no day is from 2024-02-01 on and before 2024-02-01"),
        ("since=", "since needs a value, as in since=2024-01-01"),
        ("since", "since needs a value"),
        ("since=2024-01-01&since=2024-01-02", "since is written twice"),
        ("visits=day&since=2024-01-01", "visits=day takes those of the slice's day"),
        ("origin=https://x/*&swhids=list", "origin and swhids exclude each other"),
        ("list=" + "0" * 64, "neither is given"),
        ("contents=ftp://x/y", "contents is 'ftp://x/y'; it must be"),
        ("verify=no&contents=s3://bucket/content", "no contents have these"),
        ("swhids=no/such/file", "can't be read"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_meant(query: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_selection(f"{URI}?{query}")
    assert said in str(refused.value)


@pytest.mark.parametrize("uri", ["", "gs://bucket/x", "no/such/folder"])
def test_what_is_no_export_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="export"):
        parse_selection(uri)


def test_the_order_in_which_it_is_written_does_not_matter() -> None:
    one = parse_selection(f"{URI}/?until=2024-02-01&origin=https://b/*&since=2024-01-01&origin=https://a/*&branch=head")
    assert str(one) == f"{URI}?origin=https://a/*&origin=https://b/*&since=2024-01-01&until=2024-02-01"


def test_a_list_is_pinned_by_its_hash(tmp_path: Path) -> None:
    file = tmp_path / "my origins.txt"
    file.write_text("# mine\nhttps://a\n\nhttps://b\n")
    text = str(parse_selection(f"{URI}?origins={file}"))
    assert text == f"{URI}?list={hashlib.sha256(file.read_bytes()).hexdigest()}&origins={str(file).replace(' ', '%20')}"
    assert str(parse_selection(text)) == text
    file.write_text("https://c\n")
    with pytest.raises(UsageError, match="leave list= out"):
        parse_selection(text)


@pytest.mark.parametrize("lines", ["", "# nothing\n", "swh:1:cnt:" + "0" * 39, "swh:1:ori:" + "0" * 40, "\xff"])
def test_a_list_without_swhids_is_refused(tmp_path: Path, lines: str) -> None:
    file = tmp_path / "list"
    file.write_bytes(lines.encode("latin-1"))
    with pytest.raises(UsageError, match=str(file)):
        parse_selection(f"{URI}?swhids={file}")


urls = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)


@given(st.lists(urls, max_size=3), st.dates(), st.sampled_from(["latest-full", "all"]), st.booleans(), st.booleans())
def test_any_selection_is_read_back_from_its_text(origin, since, visits, history, anonymous) -> None:
    one = Selection(URI, origin=tuple(sorted(set(origin))), since=since, visits=visits, history=history, anonymous=anonymous)
    assert read_selection(str(one)) == one
    assert "#" not in str(one)
    assert len(str(one).split()) == 1
