# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What takes things out of a lake, as recorded runs: what nobody needs any more, and what must not be there."""

import dataclasses

import dagster as dg
from pydantic import Field

from assets.outcomes import plain_errors
from codecommons.lake.lake import MOST_FILES
from resources import EngineResource, LakeResource


@dg.op(description="Removes what killed processes left and what was replaced, files and attempts, once nobody can need it.")
def remove_garbage(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Find and remove it; the run's metadata says what it was."""
    from codecommons.upkeep import vacuum

    with plain_errors(context):
        opened = lake.open()
        found = vacuum(opened)
    context.add_output_metadata(
        {
            "files": sum(one.files for one in found),
            "MB": round(sum(one.bytes for one in found) / 1e6, 3),
            "what": "\n".join(one.path for one in found),
        }
    )


@dg.job(name="gc", description="Frees what nobody needs any more: `codecommons gc`.", tags={"dagster/max_retries": "0"})
def gc_job() -> None:
    """One step."""
    remove_garbage()


class CompactConfig(dg.Config):
    """What to merge."""

    most: int = Field(default=MOST_FILES, description="Files that a bucket of a table may have.")


@dg.op(description="Merges the files of buckets that have many; no row changes, and readers at the same time go on.")
def merge_files(context: dg.OpExecutionContext, config: CompactConfig, lake: LakeResource, engine: EngineResource) -> None:
    """Compact every table; the run's metadata says which had how many files before and after."""
    from codecommons.upkeep import compact

    with plain_errors(context), engine.open() as workers:
        merged = compact(lake.open(), workers, config.most)
    context.add_output_metadata({"files": {name: list(files) for name, files in merged.items()}})


@dg.job(name="compact", description="Merges small files: `codecommons lake compact`.", tags={"dagster/max_retries": "0"})
def compact_job() -> None:
    """One step."""
    merge_files()


class RepairConfig(dg.Config):
    """How to go about it."""

    others_stopped: bool = Field(default=False, description="Your word that nothing else works on the lake.")


@dg.op(description="Takes out what is damaged, and makes it again from the raw slices.")
def put_right(context: dg.OpExecutionContext, config: RepairConfig, lake: LakeResource, engine: EngineResource) -> None:
    """Repair the lake; the run's metadata says what was found, what was made again, and what is left."""
    from codecommons.upkeep import repair

    with plain_errors(context), engine.open() as workers:
        done = repair(lake.open(), workers, others_stopped=config.others_stopped, tell=context.log.info)
    context.add_output_metadata({"repaired": dataclasses.asdict(done)})


@dg.job(name="repair", description="Makes what is damaged again: `codecommons lake repair`.", tags={"dagster/max_retries": "0"})
def repair_job() -> None:
    """One step."""
    put_right()


class TakedownConfig(dg.Config):
    """What to carry out; nothing of what is erased is in it."""

    ids: list[str] = Field(
        default=[], description="Names in the ledger; all that was begun and not finished unless some are given."
    )
    others_stopped: bool = Field(default=False, description="Your word that nothing else works on the lake.")


@dg.op(description="Erases what the ledger says must not be here, and writes into the ledger what went.")
def take_down(context: dg.OpExecutionContext, config: TakedownConfig, lake: LakeResource) -> None:
    """Carry takedowns out; the run's metadata says what went from where."""
    from codecommons.optout import ledger
    from codecommons.optout.standing import one_of
    from codecommons.optout.takedown import operation

    with plain_errors(context):
        opened = lake.open()
        standings = ledger.read(opened).standings
        begun = [one_of(standings, name) for name in config.ids] or operation.unfinished(opened)
        done = [operation.carry_out(opened, one, config.others_stopped, context.log.info) for one in begun]
    context.add_output_metadata({"takedowns": [dataclasses.asdict(one) for one in done]})


@dg.job(
    name="takedown", description="Erases contents for ever: `codecommons opt-out takedown`.", tags={"dagster/max_retries": "0"}
)
def takedown_job() -> None:
    """One step."""
    take_down()
