# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The third stage: what the licence of a file is worth.

Belongs here: licence expressions (``expressions``), resolving what was found in a tree into one statement a file (``evidence``,
``lists``, ``resolve``), policies that judge statements (``policy``, ``policies/*.yaml``) by facts about licences (``blue_oak``,
which ``refresh`` fetches, ``obligations``), the texts of licences (``texts``), the stage (``stage``), and, for datasets to ask,
what a forge says of a whole repository (``forge``), whose decision holds of several that are of the same time (``forks``) and
what was decided where a commit brought a file (``histories``).
Does not belong here: detecting licences in bytes (``annotate``), what other occurrences of a content say, and opt-outs: those
are joined over the whole lake when a dataset is built (``datasets``).
"""

from codecommons.license.policy import Policy, policies, policy, unreadable
from codecommons.license.stage import DEFAULT, decisions, qualify_slice

__all__ = ["DEFAULT", "Policy", "decisions", "policies", "policy", "qualify_slice", "unreadable"]
