# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Taking down: what must not be here at all (personal data, secrets, illegal content) is erased, and doesn't come back.

Belongs here: which contents that is (``covered``), where bytes and texts of a content lie and how they go (``tables``,
``published``, ``places``), and the operation, which the ledger remembers before anything is touched (``operation``).
Does not belong here: erasing rows of any table for good (``lake.erasing``), refusing bytes that come again (``archive``).
"""
