# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The real stages, one after the other, on a real folder: no row is made up here."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.datasets import build, list_releases, plan, reproduce, specification, verify
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.settings import Settings
from codecommons.swhid import content_id

DAY = "2026-01-31"
LATER = "2026-02-01"
BODY = "\n".join(f"def function_{n}(left, right):\n    return left * {n} + right" for n in range(60))


def test_a_folder_becomes_rows_and_everything_else_is_accounted_for(tmp_path):
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "one.py").write_text(f"# SPDX-License-Identifier: MIT\n{BODY}\n")
    (folder / "src" / "again.py").write_text(f"# SPDX-License-Identifier: MIT\n{BODY}\n")
    (folder / "src" / "similar.py").write_text(f"# SPDX-License-Identifier: MIT\n{BODY}\n\n\ndef last():\n    return None\n")
    (folder / "src" / "latin.py").write_bytes("# SPDX-License-Identifier: BSD-2-Clause\nname = 'déjà vu'\n".encode("latin-1"))
    (folder / "src" / "copyleft.py").write_text("# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n")
    (folder / "src" / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    settings = Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"), workers=0, bucket_bits=0)
    lake, engine = Lake.open(settings), InlineEngine()
    add_inputs(lake, [f"path:{folder}"], DAY)
    for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
        stage(lake, engine, DAY, "path")
    (settings.home / "datasets").mkdir(parents=True, exist_ok=True)
    (settings.home / "datasets" / "all.yaml").write_text("{}")
    report = build(lake, engine, "all")
    assert [check.description for check in report.checks if not check.passed] == []
    rows = pl.read_parquet(f"{settings.lake}/{report.details['folder']}/data/*.parquet")
    names = {path.rpartition("/")[2]: license for path, license in rows.select("path", "license").iter_rows()}
    assert names == {"again.py": "MIT", "latin.py": "BSD-2-Clause"}
    assert rows.filter(license="BSD-2-Clause")["text"].item().endswith("name = 'déjà vu'\n")
    dropped = lake.scan("dataset_drop").select("path", "rule").collect()
    reasons = {path.rpartition(b"/")[2].decode(): rule for path, rule in dropped.iter_rows()}
    assert reasons == {
        "copyleft.py": "license",
        "one.py": "exact_duplicate",
        "similar.py": "near_duplicate",
        "logo.png": reasons["logo.png"],
    }
    assert reasons["logo.png"] in ("binary", "license")
    assert verify(lake, "all").passed


@pytest.mark.parametrize("order", [(DAY, LATER), (LATER, DAY)], ids=["in order", "backfilled"])
def test_what_crowds_a_band_later_makes_no_difference_to_a_dataset_of_an_earlier_day(tmp_path, order, monkeypatch):
    settings = Settings(home=tmp_path / "home", lake=str(tmp_path / "lake"), workers=0, bucket_bits=0)
    lake, engine = Lake.open(settings), InlineEngine()
    (settings.home / "datasets").mkdir(parents=True)
    (settings.home / "datasets" / "then.yaml").write_text(f"{{as_of: {DAY}, deduplicate: {{threshold: 0.9}}}}")

    def bring(day, numbers):
        folder = tmp_path / day
        folder.mkdir()
        texts = (f"# SPDX-License-Identifier: MIT\n{BODY}\nlast = {number}\n".encode() for number in numbers)
        # By path those come first of whom the lake knows least.
        for place, text in enumerate(sorted(texts, key=content_id, reverse=True)):
            (folder / f"{place:03}.py").write_bytes(text)
        add_inputs(lake, [f"path:{folder}"], day)
        for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
            stage(lake, engine, day, "path")

    def made():
        report = build(lake, engine, "then")
        assert [check.description for check in report.checks if not check.passed] == []
        return report.details["fingerprint"], report.rows_kept

    numbers = {DAY: range(90), LATER: range(100, 700)}
    bring(order[0], numbers[order[0]])
    before = made() if order[0] == DAY else None
    bring(order[1], numbers[order[1]])
    planned = plan(lake, specification(settings, "then"))
    assert planned.rows == 1
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "contents_as_they_lie", lambda *_: pytest.fail("a plan reads again what one has compared"))
        assert plan(lake, specification(settings, "then")) == planned
    # Of these texts none is another's copy, so that many more are compared; by who has only just come.
    (settings.home / "datasets" / "apart.yaml").write_text(f"{{as_of: {DAY}, deduplicate: {{threshold: 1}}}}")
    assert plan(Lake.open(settings), specification(settings, "apart")).rows == len(numbers[DAY])
    if before:
        assert reproduce(lake, engine, "then").problems == ()
        for release in list_releases(lake, "then"):
            shutil.rmtree(Path(settings.lake, release.folder))
    after = made()
    assert after[1] == 1
    assert before in (None, after)
