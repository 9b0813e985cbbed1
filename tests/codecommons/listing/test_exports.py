# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Exports of Software Heritage's graph bring the days that no export before them has covered."""

from __future__ import annotations

from codecommons.listing.lister import listers
from codecommons.strict import read


def test_exports_of_software_heritage_bring_the_days_since_the_one_before(settings, today, tmp_path):
    lister = listers(settings)["swh"]
    options = read(lister.options, {"lister": "swh", "root": str(tmp_path), "select": "branch=all"}, "it")
    for name in ("2026-01-10", "2026-01-12-history-hosting", "compressed", "2026-13-01"):
        (tmp_path / name).mkdir()
    page, last = lister.pages(options, {"next": "2026-01-10"}, today)
    assert [(entry.request, entry.due) for entry in (*page.entries, *last.entries)] == [
        (f"swh:{tmp_path}/2026-01-10?branch=all&since=2026-01-10&until=2026-01-11", "2026-01-10"),
        (f"swh:{tmp_path}/2026-01-12-history-hosting?branch=all&since=2026-01-11&until=2026-01-12", "2026-01-11"),
        (f"swh:{tmp_path}/2026-01-12-history-hosting?branch=all&since=2026-01-12&until=2026-01-13", "2026-01-12"),
    ]
    assert [page.entries for page in lister.pages(options, last.cursor, today)] == [(), ()]
