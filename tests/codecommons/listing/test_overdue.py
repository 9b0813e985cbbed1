# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""`codecommons status` knows what is followed and was not listed in time."""

from __future__ import annotations

import datetime as dt

from codecommons import listing
from codecommons.status import render, status


def test_a_source_that_was_not_listed_for_two_of_its_rounds_is_stale(lake, settings, tmp_path):
    (tmp_path / "list").write_text("")
    entry = f"lister: urls, list: {tmp_path / 'list'}"
    (settings.home / "sources.yaml").write_text(f"daily: {{{entry}}}\nweekly: {{{entry}, every: week}}\n")

    def late():
        state = status(lake)
        assert state["healthy"], "nothing has failed"
        return [row["name"] for row in state["feeds"]]

    assert late() == ["daily", "weekly"]
    assert "it was never listed to its end" in render(status(lake))
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    listing.follow(lake, before.date().isoformat(), now=before)
    assert late() == ["daily"]
    assert "codecommons follow daily" in render(status(lake))
    listing.follow(lake, dt.datetime.now(dt.UTC).date().isoformat(), ["daily"])
    assert late() == []


def test_a_sources_yaml_that_makes_no_sense_is_told_and_hides_nothing_else(lake, settings):
    (settings.home / "sources.yaml").write_text("daily: {lister: ulrs}\n")
    [row] = status(lake)["feeds"]
    assert "did you mean 'urls'?" in row["why"]
