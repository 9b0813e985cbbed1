# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What we expect of each stage's tables, as data: Great Expectations suites, each over one query on the lake's views.

A query sees one source of one slice (``getvariable('slice')``, ``getvariable('source')``) or one release of a dataset
(``getvariable('source')``, its name, and ``getvariable('fingerprint')``), and ``getvariable('digests')``, annotator -> its
current digest. It gives few rows: it counts where it can, and says as a truth value what DuckDB tells better than Great
Expectations, whose regular expressions don't run on DuckDB. Expectations are named as in its gallery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Expectation = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Suite:
    """What must hold of one query's rows.

    Attributes:
        name: also the name of the asset check.
        stage: the stage whose closing asset it checks.
        description: what it is for, one line.
        query: DuckDB SQL over the lake's views.
        item: columns that name a row to a person, when it is red.
        expectations: class name in ``great_expectations.expectations`` and its arguments.
    """

    name: str
    stage: str
    description: str
    query: str
    item: tuple[str, ...]
    expectations: tuple[Expectation, ...]


def _never_null(*columns: str) -> tuple[Expectation, ...]:
    return tuple(("ExpectColumnValuesToNotBeNull", {"column": column}) for column in columns)


def _always_true(*columns: str) -> tuple[Expectation, ...]:
    return tuple(("ExpectColumnValuesToBeInSet", {"column": column, "value_set": [True]}) for column in columns)


def _one_of(column: str, *values: str) -> Expectation:
    return ("ExpectColumnValuesToBeInSet", {"column": column, "value_set": list(values)})


def _between(column: str, low: float | None, high: float | None = None) -> Expectation:
    return ("ExpectColumnValuesToBeBetween", {"column": column, "min_value": low, "max_value": high})


def _unique(*columns: str) -> Expectation:
    if len(columns) == 1:
        return ("ExpectColumnValuesToBeUnique", {"column": columns[0]})
    return ("ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)})


# The files of the slice: one row a root directory and path, however many visits saw it.
_FILES = """
    select distinct tree.root, tree.path, tree.perms, tree.content
    from lake.anchor as anchor join lake.tree_file as tree on tree.root = anchor.root
    where anchor.slice = getvariable('slice') and anchor.source = getvariable('source')
"""

SUITES = (
    Suite(
        "visits_are_whole",
        "raw_archive_slice",
        "Every visit has an end, and a full one saw a snapshot that is in the archive.",
        """
        select status.origin, status.visit, status.status, status.type,
            visit.origin is not null as announced,
            status.status <> 'full' or snapshot.id is not null as snapshot_is_there,
            -- An export's visits were made by Software Heritage, on days of its own.
            status.source = 'swh' or status.date::date = status.slice::date as date_is_the_slice
        from origin_visit_status as status
        left join origin_visit as visit using (slice, source, origin, visit)
        left join snapshot on snapshot.id = status.snapshot
        where status.slice = getvariable('slice') and status.source = getvariable('source')
        """,
        ("origin", "visit"),
        (
            *_never_null("origin", "visit", "type"),
            _one_of("status", "created", "ongoing", "full", "partial", "not_found", "failed"),
            *_always_true("announced", "snapshot_is_there", "date_is_the_slice"),
            _unique("origin", "visit"),
        ),
    ),
    Suite(
        "contents_are_there",
        "raw_archive_slice",
        "Every file of every tree has a content or a skipped_content row; no path occurs twice.",
        f"""
        with file as ({_FILES})
        select swhid('dir', root) as root, count(*) as files, count(distinct path) as paths,
            count(*) filter (content.sha1_git is null and skipped.sha1_git is null) as lost,
            count(*) filter (content.length < 0) as negative, files = paths as paths_are_unique
        from file
        left join lake.content as content on content.sha1_git = file.content
        left join lake.skipped_content as skipped on skipped.sha1_git = file.content
        group by file.root
        """,
        ("root",),
        (
            _unique("root"),
            _between("files", 1),
            _between("lost", 0, 0),
            _between("negative", 0, 0),
            *_always_true("paths_are_unique"),
        ),
    ),
    Suite(
        "annotation_values",
        "enriched_context",
        "Every content of the slice has an encoding decision and line statistics whose values are possible.",
        f"""
        with content as (
            select distinct content from ({_FILES}) where perms <> 40960 and content in (select sha1_git from lake.content_data)
        )
        select count(*) as contents,
            count(*) filter (encoding.content is null or statistics.content is null) as silent,
            count(*) filter (encoding.binary is null and encoding.error is null) as undecided,
            count(*) filter (statistics.max_line < statistics.mean_line) as longest_below_mean,
            min(least(alphabetic, alphanumeric, whitespace)) as least_share,
            max(greatest(alphabetic, alphanumeric, whitespace)) as greatest_share,
            swhid('cnt', min(content.content) filter (
                encoding.content is null or statistics.content is null or encoding.binary is null or max_line < mean_line
            )) as example
        from content
        left join lake.annotation_encoding as encoding
            on encoding.content = content.content and encoding.digest = getvariable('digests')['encoding']
        left join lake.annotation_line_statistics as statistics
            on statistics.content = content.content and statistics.digest = getvariable('digests')['line_statistics']
        """,
        ("example",),
        (
            *(_between(column, 0, 0) for column in ("silent", "undecided", "longest_below_mean")),
            _between("least_share", 0, 1),
            _between("greatest_share", 0, 1),
        ),
    ),
    Suite(
        "language_values",
        "enriched_context",
        "Every language is of a kind that Linguist knows.",
        f"""
        with content as (select distinct content from ({_FILES}))
        select language, kind, count(*) as contents
        from lake.annotation_language semi join content using (content)
        where digest = getvariable('digests')['language'] and language is not null
        group by language, kind
        """,
        ("language", "kind"),
        (_one_of("kind", "programming", "data", "markup", "prose"), _unique("language", "kind")),
    ),
    Suite(
        "decisions_have_reasons",
        "license_qualified",
        "Every file has a known verdict by a named rule, and none is permissive without expression and evidence.",
        f"""
        with file as ({_FILES})
        select policy, verdict, rule, count(*) as files,
            count(*) filter (verdict = 'permissive' and (expression is null or coalesce(len(evidence), 0) = 0)) as unproved,
            min(file_swhid(file.content, root, path)) as example
        from file left join lake.license_decision as decision using (root, path)
        group by policy, verdict, rule
        """,
        ("policy", "verdict", "rule", "example"),
        (
            *_never_null("policy", "rule"),
            _one_of("verdict", "permissive", "copyleft", "non_permissive", "unknown", "conflict"),
            _between("unproved", 0, 0),
            _unique("policy", "verdict", "rule"),
        ),
    ),
    Suite(
        "pair_values",
        "deduped",
        "Every pair is ordered and its similarity is a share of one; accepted or not is said of each.",
        f"""
        with content as (select distinct content from ({_FILES}))
        select pair.configuration, pair.accepted, count(*) as pairs, min(similarity) as least, max(similarity) as most,
            count(*) filter (a >= b) as unordered, swhid('cnt', min(a)) as example
        from lake.duplicate_pair as pair
        where a in (from content) or b in (from content)
        group by pair.configuration, pair.accepted
        """,
        ("configuration", "accepted", "example"),
        (*_never_null("accepted", "least"), _between("least", 0, 1), _between("most", 0, 1), _between("unordered", 0, 0)),
    ),
    Suite(
        "shards_hold_what_they_say",
        "training_shards",
        "Every shard has a hash and exactly the rows that the manifest lists.",
        """
        with listed as (
            select shard, count(*) as rows, count(distinct row) as distinct_rows
            from dataset_row where dataset = getvariable('source') and fingerprint = getvariable('fingerprint') group by shard
        )
        select shard.shard, regexp_full_match(shard.sha256, '[0-9a-f]{64}') as is_hashed, shard.rows = listed.rows as is_whole,
            listed.rows = listed.distinct_rows as rows_are_distinct
        from shard left join listed using (shard)
        where shard.dataset = getvariable('source') and shard.fingerprint = getvariable('fingerprint')
        """,
        ("shard",),
        (*_always_true("is_hashed", "is_whole", "rows_are_distinct"), _unique("shard")),
    ),
)
