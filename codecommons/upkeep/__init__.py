# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Keeping a lake whole over the years: look at all of it, put right what is damaged, keep it small, copy it away and back.

Belongs here: what looks at every table and release at once (``verify``, which follows ``references``), what takes damage out
and makes the rows again from the raw slices (``repair``), what a lake can do without (``vacuum``), small files that become
large ones (``compact``), and copies of a lake (``backup``).
Does not belong here: what one commit does to keep its table in order (``lake``), and one release's proof (``datasets.verify``).
"""

from codecommons.upkeep.backup import Backup, backup, backups, restore
from codecommons.upkeep.compact import compact
from codecommons.upkeep.repair import Repaired, repair
from codecommons.upkeep.vacuum import removable, vacuum
from codecommons.upkeep.verify import Fault, Verified, verify

__all__ = [
    "Backup",
    "Fault",
    "Repaired",
    "Verified",
    "backup",
    "backups",
    "compact",
    "removable",
    "repair",
    "restore",
    "vacuum",
    "verify",
]
