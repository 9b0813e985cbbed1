# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What takes things out of a lake, as recorded runs: what nobody needs any more, and what must not be there."""

import dataclasses

import dagster as dg
from pydantic import Field

from assets.outcomes import plain_errors
from codecommons.lake.garbage import free, garbage
from resources import LakeResource


@dg.op(description="Removes what killed processes left behind and what commits have replaced, once nobody can need it any more.")
def remove_garbage(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Find and remove garbage; the run's metadata says what it was."""
    with plain_errors(context):
        opened = lake.open()
        found = garbage(opened)
        free(opened, found)
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
