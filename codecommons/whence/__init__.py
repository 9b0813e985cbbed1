# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Where code comes from: what of the lake a text is, or nearly is.

Belongs here: looking for a text that somebody brings (``search``), and telling what was found (``text``).
Does not belong here: what makes texts alike (``dedup``), what a licence is (``license``), and the story of what is known to be in
the lake (``explain``).
"""

from codecommons.whence.search import whence
from codecommons.whence.text import render

__all__ = ["render", "whence"]
