# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Our tags of runs. Here alone, as the daemon and the webserver read them without loading anything else of ours."""

from dagster._core.storage.tags import RETRY_ON_ASSET_OR_OP_FAILURE_TAG

# Of runs that leave Great Expectations out.
WITHOUT_EXPECTATIONS = "codecommons/without_expectations"

# Of runs that a person waits for and whose consequences are their business: commands. Ask `outcomes.by_hand`.
BY_HAND = "codecommons/by_hand"

# Of failed runs: whether what made them fail may pass; ``dagster/retry_on_asset_or_op_failure`` tells the daemon the same.
FAILURE = "codecommons/failure"
PASSING, PERMANENT = "passing", "permanent"
# The same: whether the lake's log names everything that made them fail, so that nobody else need tell of it.
LOGGED = "codecommons/logged"

# A run that is run again has every tag of the one before, and is about to say by itself what becomes of it. Dagster takes no tag
# off a run, but a value can be written over.
NOTHING_YET = {FAILURE: "none", LOGGED: "none", RETRY_ON_ASSET_OR_OP_FAILURE_TAG: "false"}
