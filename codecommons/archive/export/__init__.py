# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Software Heritage's graph export: what it publishes of its archive, as ORC or Parquet tables and an object store of contents.

Belongs here: what is selected of an export (``selection``), reading its tables without loading them (``tables``), walking from
origins to contents (``walk``; ``ancestors`` finds those of some revisions), and getting contents by the thousand
(``contents``).
Does not belong here: how the source fits into a slice (``sources/swh.py``), and what identifiers are hashes of (``swhid``).
"""
