# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What package manifests say about the packages they describe.

Belongs here: the fields that all ecosystems share (``project``), reading JSON, TOML, YAML, XML and headers of which nobody knows
who wrote them (``reading``), on which lines their parts stand (``places``), licences as manifests write them (``licenses``),
what Python's formats share (``python``), and the formats (``formats``, one file each, found by name). Nothing of a manifest is
ever run. Does not belong here: rows of tables (the annotator ``project_metadata``).
"""
