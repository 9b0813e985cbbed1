# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Side by side in one run, on the same input: what the main job costs, and how near ingestion comes to its limit.

Here belong measurements that a reader can repeat with ``make bench`` and that are worth a table in the README. Nothing
imports this package, and nothing here decides what the product does.
"""
