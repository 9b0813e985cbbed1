# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""An entry of a table's log that a crash of the machine has emptied offends no reader: rows are just not there."""

from pathlib import Path

import pytest

from codecommons.engine.local import InlineEngine
from codecommons.lake import SliceInput
from codecommons.report import STAGES, StageReport
from codecommons.status import status
from codecommons.upkeep import repair, verify

DAY = "2026-01-31"
GONE = SliceInput(DAY, "path", "/nonexistent", "0" * 40, detail='{"kind": "folder"}')


def spoil(lake, table, left):
    entry = max(Path(lake.path(table, "_delta_log")).glob("*.json"))
    entry.write_bytes(b"".join(entry.read_bytes().splitlines(keepends=True)[:left]))
    return entry.name


@pytest.mark.parametrize("left", [0, 1])
def test_it_is_named_and_closed_and_its_slices_are_made_again(lake, left):
    lake.log.add_input([GONE])
    lake.log.record(DAY, "path", STAGES[0], "passed", "a")
    lake.append_report(StageReport(STAGES[0], DAY, "path"), "a")
    entry = spoil(lake, "slice_log", left)
    assert lake.log.verdicts().is_empty(), "which nobody has said of it"
    [fault] = verify(lake, InlineEngine()).faults
    assert (fault.table, fault.entry, fault.next) == ("slice_log", entry, "codecommons lake repair")
    assert f"entry {entry} of its log has lost what was committed" in fault.what
    # What is empty shows without reading it.
    assert [one["what"] for one in status(lake)["damaged"]] == [fault.what] * (left == 0)
    done = repair(lake, InlineEngine())
    assert list(done.slices) == [f"{DAY} path"]
    assert verify(lake, InlineEngine()).faults == []
    assert lake.scan("stage_report").collect().height >= 1, "of the other tables all is there"


def test_what_nobody_can_make_again_is_left_for_a_backup(lake):
    lake.log.add_input([GONE])
    entry = spoil(lake, "slice_input", 0)
    [fault] = repair(lake, InlineEngine()).left
    assert fault.entry == entry
    assert "from a backup" in fault.next
