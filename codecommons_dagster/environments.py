# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What runs by itself where: every schedule and sensor is declared here, or the code location doesn't load.

``CODECOMMONS_ENVIRONMENT`` says what a lake is for: ``production`` is operated and does everything; ``staging``, such as a
restored backup or the copy that an upgrade is tried on, works on what it has but asks nobody outside and forgets nothing;
in ``development`` nothing runs until somebody switches it on. What is declared decides how a schedule or sensor starts out; who
switches one on or off in the web interface has the last word.
"""

from __future__ import annotations

import dagster as dg

from codecommons.settings import Settings

EVERYWHERE_OPERATED = frozenset({"production", "staging"})
PRODUCTION = frozenset({"production"})
RUNS_IN = {
    "follow": PRODUCTION,  # every schedule of a lister
    "new_exports": PRODUCTION,
    "slices_of_followed": PRODUCTION,
    "newest_slice": EVERYWHERE_OPERATED,
    "new_datasets": EVERYWHERE_OPERATED,
    "new_opt_outs": EVERYWHERE_OPERATED,
    "lake_changed": EVERYWHERE_OPERATED,
    "failures_that_may_pass": EVERYWHERE_OPERATED,
    "alerts": EVERYWHERE_OPERATED,
    "old_runs": PRODUCTION,
    "garbage": PRODUCTION,
    "fresh_marts": EVERYWHERE_OPERATED,
}


def switched_on(name: str) -> bool:
    """Whether something starts out running here.

    Raises:
        KeyError: it is not declared.
    """
    return Settings.from_environment().environment in RUNS_IN[name]


def sensor_status(name: str) -> dg.DefaultSensorStatus:
    """The same for a sensor."""
    return dg.DefaultSensorStatus.RUNNING if switched_on(name) else dg.DefaultSensorStatus.STOPPED


def schedule_status(name: str) -> dg.DefaultScheduleStatus:
    """The same for a schedule."""
    return dg.DefaultScheduleStatus.RUNNING if switched_on(name) else dg.DefaultScheduleStatus.STOPPED
