# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""When two addresses mean the same place: in Python and in SQL."""

from __future__ import annotations

from importlib import resources

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codecommons.lake.places import place


@pytest.fixture(scope="module")
def sql():
    connection = duckdb.connect()
    connection.execute(resources.files("codecommons.lake").joinpath("macros.sql").read_text())
    return connection


def test_a_repository_is_one_place_however_its_address_is_written():
    written = [
        "https://example.org/Ada/One.git",
        "http://example.org/ada/one/",
        "git@example.org:ada/one.git",
        "ssh://git@example.org/ada/one",
        "git://www.example.org/ada/one.git/",
        "git+https://user:secret@example.org/ada/one#main",
        "www.example.org/ada/one?tab=readme",
        " example.org/ada/one ",
    ]
    assert {place(one) for one in written} == {"example.org/ada/one"}


def test_a_package_is_its_purl_without_version_and_qualifiers():
    assert place("pkg:deb/debian/hello@2.10-3?arch=source") == "pkg:deb/debian/hello"
    assert place("pkg:npm/%40types/node") == "pkg:npm/%40types/node"


def test_different_places_stay_different():
    written = [
        "https://example.org/a/one",
        "https://example.org/b/one",
        "https://example.com/a/one",
        "https://example.org/a/one.js",
    ]
    assert len({place(one) for one in written}) == 4


PARTS = st.sampled_from(
    ["https:", "git+ssh:", "//", "/", "a@", "@", ":", "www.", "example.org", ".git", "?x", "#y", "A", " ", "pkg:", "\n"]
)


@given(st.one_of(st.text(max_size=20), st.lists(PARTS, max_size=8).map("".join)).filter(lambda said: said.lower().isascii()))
def test_sql_and_python_agree(sql, said):
    assert sql.execute("select place(?)", [said]).fetchone() == (place(said),)
