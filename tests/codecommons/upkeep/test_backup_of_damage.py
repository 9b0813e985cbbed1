# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is damaged becomes no backup, and a list that somebody has tampered with leads nowhere else."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest

from codecommons.errors import LakeError, UsageError
from codecommons.lake import Lake, SliceInput
from codecommons.upkeep import backup, backups, restore

DAY = "2026-01-31"


@pytest.fixture
def where(lake, tmp_path):
    lake.log.add_input([SliceInput(DAY, "pypi", name) for name in "abc"])
    return tmp_path / "backups"


@pytest.mark.parametrize(
    ("hurt", "said"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-100]), "is damaged, and no backup is made"),
        (lambda file: file.write_bytes(b""), "is damaged, and no backup is made"),
        (Path.unlink, "codecommons lake repair"),
    ],
)
def test_a_file_that_is_cut_short_or_gone_is_named_and_no_backup_counts_that_has_it(lake, where, hurt, said):
    [file] = Path(lake.path("slice_input")).glob("*.parquet")
    whole = file.read_bytes()
    hurt(file)
    with pytest.raises(LakeError, match=said) as refused:
        backup(lake, str(where))
    assert file.name in str(refused.value)
    with pytest.raises(UsageError, match="there is no backup"):
        backups(lake.settings, str(where))
    file.write_bytes(whole)
    assert backup(lake, str(where)).files > 0
    assert len(backups(lake.settings, str(where))) == 1


def another(settings, home):
    return dataclasses.replace(settings, home=home, lake=str(home / "lake"))


def items(lake):
    return [row.item for row in lake.log.inputs(DAY, "pypi")]


def test_a_lake_that_went_on_from_an_earlier_backup_is_backed_up_as_it_is_and_so_stay_the_backups_before(lake, where, tmp_path):
    """The entries of its logs have the numbers and the sizes of those that were lost, and say something else."""
    now = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    backup(lake, str(where), now)
    lake.log.add_input([SliceInput(DAY, "pypi", "lost")])
    backup(lake, str(where), now + dt.timedelta(days=1))
    settings = another(lake.settings, tmp_path / "again")
    restore(settings, str(where), "2026-01-31")
    again = Lake.open(settings)
    again.log.add_input([SliceInput(DAY, "pypi", "anew")])
    sizes = [sorted((p.name, p.stat().st_size) for p in Path(one.path("slice_input")).rglob("*.json")) for one in (lake, again)]
    assert sizes[0] == sizes[1], "else this test means nothing"
    backup(again, str(where), now + dt.timedelta(days=2))
    assert backup(again, str(where), now + dt.timedelta(days=3)).copied == 1, "what is another way is copied once"
    for day, last in (("2026-01-31", []), ("2026-02-01", ["lost"]), ("2026-02-02", ["anew"]), ("2026-02-03", ["anew"])):
        there = another(lake.settings, tmp_path / day)
        restore(there, str(where), day)
        assert items(Lake.open(there)) == sorted(["a", "b", "c", *last])


def test_what_has_rotted_in_the_lake_replaces_nothing_in_a_backup(lake, where, tmp_path):
    backup(lake, str(where), dt.datetime(2026, 1, 31, tzinfo=dt.UTC))
    sorted(Path(lake.path("slice_input", "_delta_log")).glob("*.json"))[-1].write_bytes(b"")
    backup(lake, str(where), dt.datetime(2026, 2, 1, tzinfo=dt.UTC))
    settings = another(lake.settings, tmp_path / "restored")
    restore(settings, str(where), "2026-01-31")
    assert items(Lake.open(settings)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "path", ["lake/../../outside", "home/datasets/../../outside", "lake//outside", "home/keys/receipts.pem", "outside", "lake"]
)
def test_a_list_that_names_files_elsewhere_restores_nothing(lake, where, tmp_path, path):
    backup(lake, str(where))
    [listed] = (where / "backups").glob("*.json")
    document = json.loads(listed.read_text())
    document["files"].append([path, 3, "0" * 64])
    listed.write_text(json.dumps(document))
    settings = another(lake.settings, tmp_path / "restored")
    with pytest.raises(LakeError, match="it does not list the files of a backup"):
        restore(settings, str(where))
    assert not Path(settings.lake).exists()
