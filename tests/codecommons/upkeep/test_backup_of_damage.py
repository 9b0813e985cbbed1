# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What is damaged becomes no backup, and a list that somebody has tampered with leads nowhere else."""

import dataclasses
import json
from pathlib import Path

import pytest

from codecommons.errors import LakeError, UsageError
from codecommons.lake import SliceInput
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


@pytest.mark.parametrize(
    "path", ["lake/../../outside", "home/datasets/../../outside", "lake//outside", "home/keys/receipts.pem", "outside", "lake"]
)
def test_a_list_that_names_files_elsewhere_restores_nothing(lake, where, tmp_path, path):
    backup(lake, str(where))
    [listed] = (where / "backups").glob("*.json")
    document = json.loads(listed.read_text())
    document["files"].append([path, 3, "0" * 64])
    listed.write_text(json.dumps(document))
    settings = dataclasses.replace(lake.settings, home=tmp_path / "restored", lake=str(tmp_path / "restored" / "lake"))
    with pytest.raises(LakeError, match="it does not list the files of a backup"):
        restore(settings, str(where))
    assert not Path(settings.lake).exists()
