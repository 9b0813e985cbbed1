# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The sources, one file each: a module here, or in ``sources/`` of a plug-in folder, that defines ``SOURCE``.

Belongs here: how one kind of place is asked what it has and how to get it. Does not belong here: unpacking, objects, and what
sources have in common (``packages``, ``repository``).
"""
