# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Items of benchmarks for models, and how much of them is in a content.

Belongs here: the files that the user points to (``items``), and what of an item a content has (``matching``).
Does not belong here: which contents a dataset leaves out for it (``datasets``).
"""

from codecommons.annotate.benchmarks.items import Item, read_items
from codecommons.annotate.benchmarks.matching import FLOOR, Matcher

__all__ = ["FLOOR", "Item", "Matcher", "read_items"]
