# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The listers, one file each: a module here, or in ``listers/`` of a plug-in folder, that defines ``LISTER``.

Belongs here: how one kind of place is asked what it has. Does not belong here: the network's ways (``listing.web``), cursors and
what becomes of the answers (``listing.follow``).
"""
