# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The library: pure functions and small classes over Arrow and Polars.

Belongs here: everything CodeCommons knows about code, archives, licences, duplicates and datasets.
Does not belong here: Dagster. The library must run, and be tested, without an orchestrator; import-linter holds that line.

The way of a file through the house is one function a stage: ``archive.ingest_slice``, ``annotate.annotate_slice``,
``license.qualify_slice``, ``dedup.compare_slice``, ``datasets.build``. Beside the stages stand identity (``swhid``), the tables
(``lake``), where work runs (``engine``), what exists out there (``listing``), opting out (``optout``), and what people ask and
operators do (``explain``, ``whence``, ``upkeep``).

Modules beside the folders are what several of them share: the environment (``settings``, ``credentials``), errors and strict
reading (``errors``, ``strict``), things found by name (``plugins``), loops as machine code (``compiled``), words and shingles
(``shingles``); and what the whole lake tells people: reports (``report``, ``costs``), what is broken (``status``, ``alerts``),
the demo's report (``demo_report``) and its drawings (``drawing``).
"""
