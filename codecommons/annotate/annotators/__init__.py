# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The annotators: one file each, found by its name.

Belongs here: pure functions over batches of files that say one kind of thing about them, each an ``ANNOTATOR``. To add one,
add a file here or in ``<plug-in folder>/annotators/``; a changed answer needs a raised ``version``. Does not belong here:
reading the lake, thresholds and decisions (those are policies).
"""
