# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What keeps a lake tidy, as recorded runs."""

import dagster as dg

from assets.outcomes import plain_errors
from codecommons.lake.garbage import free, garbage
from resources import LakeResource


@dg.op(description="Removes what killed processes left behind and what commits have replaced, once nobody can need it any more.")
def remove_garbage(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Find and remove garbage; the run's metadata says what it was."""
    with plain_errors():
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
