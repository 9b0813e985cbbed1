# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The library: pure functions and small classes over Arrow and Polars.

Belongs here: everything CodeCommons knows about code, archives, licences, duplicates and datasets.
Does not belong here: Dagster. The library must run, and be tested, without an orchestrator; import-linter holds that line.

The way of a file through the house is one function a stage: ``archive.ingest_slice``, ``annotate.annotate_slice``,
``license.qualify_slice``, ``dedup.compare_slice``, ``datasets.build``.
"""
