# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Files of tables and releases that rot, and what ``verify`` and ``repair`` make of it."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.faults.world import World, settings_of
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.lake.files import data_files, open_table
from codecommons.upkeep import repair, verify
from codecommons.upkeep.verify import ORIGINAL


def flip(file: Path, dice: random.Random) -> None:
    """One bit of a page is another."""
    metadata = pq.read_metadata(file)
    group = metadata.row_group(dice.randrange(metadata.num_row_groups))
    column = group.column(dice.randrange(group.num_columns))
    begin = column.dictionary_page_offset or column.data_page_offset
    data = bytearray(file.read_bytes())
    # The last byte of a column is of a page; the header before each has no checksum, and much of it tells nothing.
    data[begin + column.total_compressed_size - 1] ^= 1 << dice.randrange(8)
    file.write_bytes(data)


def cut(file: Path, dice: random.Random) -> None:
    """The end of a file is missing."""
    data = file.read_bytes()
    file.write_bytes(data[: dice.randrange(len(data))])


def overwrite(file: Path, dice: random.Random) -> None:
    """The file has as many other bytes."""
    file.write_bytes(dice.randbytes(file.stat().st_size))


def lose(file: Path, dice: random.Random) -> None:
    """The file is gone."""
    file.unlink()


# Tables that are damaged in one lake.
_AT_ONCE = 6
WAYS: Mapping[str, Callable[[Path, random.Random], None]] = {"flip": flip, "cut": cut, "overwrite": overwrite, "lose": lose}


def data_of(home: Path) -> dict[str, list[Path]]:
    """The data files of the newest version of every table that has some, by table."""
    lake = Lake.open(settings_of(home))
    files = {table.name: data_files(open_table(lake.storage, table)) for table in lake.stored()}
    return {name: [home / "lake" / name / file.path for file in some] for name, some in sorted(files.items()) if some}


def repaired(world: World, damage: Callable[[Path], set[str]], name: str) -> str:
    """Damage a copy of the undisturbed lake, repair it, and say what is not as it should be: nothing, if all is well.

    Args:
        world: has the undisturbed lake.
        damage: damages a home; says which tables (``releases`` for files of releases) it has damaged.
        name: of the copy.
    """
    home = world.folder / f"damaged-{name}"
    shutil.copytree(world.folder / "undisturbed", home)
    hurt = damage(home)
    lake, engine = Lake.open(settings_of(home)), InlineEngine()
    found = verify(lake, engine, everything=True)
    named = {fault.table for fault in found.faults}
    if not hurt <= named:
        return f"{', '.join(sorted(hurt - named))} not named by verify"
    done = repair(lake, engine, found, others_stopped=True)
    if hurt & ORIGINAL:
        return "" if {fault.table for fault in done.left} == hurt & ORIGINAL else "not left for restore"
    if not done.passed:
        return f"not repaired: {done.left} {done.slices} {done.releases}"
    if differs := world.differs(settings_of(home)):
        return f"other rows in {', '.join(differs)}"
    again = verify(Lake.open(settings_of(home)), engine, everything=True)
    return "; ".join(fault.what for fault in again.faults)


def of_each_table(world: World, seed: int) -> Iterator[tuple[list[tuple[str, str]], str]]:
    """Damage one file of every table, some tables of a lake at once: (table, way) of these, and what was wrong in the end."""
    dice = random.Random(seed)
    files = {name: some for name, some in data_of(world.folder / "undisturbed").items() if name not in ORIGINAL}
    chosen = [
        (name, way, dice.choice(some).relative_to(world.folder / "undisturbed"))
        for (name, some), way in zip(files.items(), itertools.cycle(WAYS), strict=False)
    ]
    dice.shuffle(chosen)
    for number, some in enumerate([chosen[at : at + _AT_ONCE] for at in range(0, len(chosen), _AT_ONCE)]):

        def damage(home: Path, some: Sequence[tuple[str, str, Path]] = some) -> set[str]:
            for _, way, file in some:
                WAYS[way](home / file, dice)
            return {name for name, _, _ in some}

        yield [(name, way) for name, way, _ in some], repaired(world, damage, f"{number}-{seed}")
