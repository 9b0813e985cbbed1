# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A table of texts as trees: each row a file, the rows of one origin a tree.

It goes in two steps, so that rows may stand in any order and memory stays bounded. Reading hashes and stages the contents, and
writes what is left of each row, its facts, to the staging area. Then the facts are taken up a range of origins at a time, and
every origin's become directories. What comes out depends on the set of rows alone.

Belongs here: which column of a table is what, and the records in its files (``records``), from a record to its facts (``facts``),
and from facts to trees (``trees``). Does not belong here: which files a table is, and what was loaded before (``sources.table``).

What a row declares of its text (licences, date, language) is kept in table ``declaration``. It is no part of the text, yet
decisions are made per tree. So the files of a tree of which anything is declared lie in one top folder that is named after all
the declarations, as a package's lie in one that is named after its version: with other declarations it is another tree.
"""

from codecommons.archive.collection.facts import read_part, remarks
from codecommons.archive.collection.records import Columns, parts
from codecommons.archive.collection.trees import VERSION, grow, spans

__all__ = ["VERSION", "Columns", "grow", "parts", "read_part", "remarks", "spans"]
