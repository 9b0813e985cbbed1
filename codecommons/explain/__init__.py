# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The whole story of one content, tree, release, revision, snapshot or origin, as far as the lake knows it.

Belongs here: gathering what every stage has written about one thing (``story``) and writing it for a person (``text``).
Does not belong here: deciding anything. A chapter repeats what a stage recorded, with its evidence.
"""

from codecommons.explain.story import explain
from codecommons.explain.text import render

__all__ = ["explain", "render"]
