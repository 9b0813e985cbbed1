# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What we expect of each stage's tables, as data: Great Expectations suites, each over one query on the lake's views.

A query sees one source of one slice (``getvariable('slice')``, ``getvariable('source')``) or one release of a dataset
(``getvariable('source')``, its name, and ``getvariable('fingerprint')``); also ``getvariable('previous')``, the source's last
slice before this one that passed the stage (an empty text for the first one), and ``getvariable('digests')``, annotator -> its
current digest. It gives few rows, as they are held in memory: it counts, and says as a truth value what DuckDB tells
better than Great Expectations. Expectations are named as in its gallery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from codecommons.annotate.annotators.filter_signals import FIELDS as FILTER_SIGNALS
from codecommons.annotate.annotators.license_evidence import DETECTORS

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
        blocking: whether a red one stops what comes after; else it is a warning to a person: data may well be so.
    """

    name: str
    stage: str
    description: str
    query: str
    item: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    blocking: bool = True


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


def _files(slice: str = "slice") -> str:
    """The files of a slice (of this one, or the ``previous``): one row a root directory and path, however many visits saw it."""
    return f"""
    select distinct tree.root, tree.path, tree.perms, tree.content
    from lake.anchor as anchor join lake.tree_file as tree on tree.root = anchor.root
    where anchor.slice = getvariable('{slice}') and anchor.source = getvariable('source')
"""


_FILES = _files()
# The rows that a slice brought to a table of feeds.
_FED = "slice = getvariable('slice') and source = getvariable('source')"
# Shares of fewer files say little.
_ENOUGH = 500
# A name in a licence expression.
_NAME = "'[A-Za-z0-9.+-]+'"

# Figures of ``filter_signals`` that are no shares of one thing: phrases overlap, three expressions may match one stretch, and a
# string has lines that are no lines of code.
_NO_SHARES = ("mean_word", "top_2grams", "top_3grams", "top_4grams", "encoded", "long_strings")
_FIGURES = tuple(field.name for field in FILTER_SIGNALS if field.type != pa.bool_())
_SHARES = tuple(field.name for field in FILTER_SIGNALS if field.type == pa.float64() and field.name not in _NO_SHARES)

# Annotator -> what no answer of it can be. A row that has a reason in place of an answer isn't asked.
_IMPOSSIBLE = {
    "generated": """
        generated is null or generated <> (evidence is not null)
        or not regexp_full_match(coalesce(evidence, 'linguist'), 'lock-file|wrapper|linguist|marker:.+')
    """,
    "path_facts": "vendored is null or documentation is null or test is null",
    "filter_signals": f"""
        coalesce(least({", ".join(_FIGURES)}) < 0, false) or coalesce(greatest({", ".join(_SHARES)}) > 1, false)
        or (words is null and mean_word is not null)
    """,
    "normalized_text": "not regexp_full_match(coalesce(normalized, sha1('')), '[0-9a-f]{40}')",
    "notebook": "not coalesce(code_cells between 0 and cells and outputs >= 0 and output_share between 0 and 1, false)",
    "file_licenses": """
        files is null or len(list_filter(files, one -> (one.path is null) = (one.pattern is null) or coalesce(one.said, '') = ''
            or coalesce(one.precedence not in ('closest', 'aggregate', 'override'), true))) > 0
        or len(files) is distinct from len(lines)
        or len(list_filter(lines, one -> not coalesce(one.start_line between 1 and one.end_line, false))) > 0
    """,
}
_FAULTS = {name: f"error is null and ({what})" for name, what in _IMPOSSIBLE.items()}
_ANNOTATORS = ("encoding", "line_statistics", "license_evidence", "secrets", "personal_data", *_IMPOSSIBLE)


def _answers(truth: str, of: Mapping[str, str]) -> str:
    """Every answer of some annotators about the files of a query's ``file``: annotator, content, and a truth value about it.

    Args:
        truth: name of the truth value's column.
        of: annotator -> the truth value, an expression over its table's columns.
    """
    tables = {name: f"lake.annotation_{name} semi join file using (content)" for name in of}
    if "path_facts" in of:
        placed = "select path, min(content) as content from file group by path"
        tables["path_facts"] = f"lake.annotation_path_facts join ({placed}) using (path)"
    return " union all ".join(
        f"select '{name}' as annotator, content, {holds} as {truth} from {tables[name]} "
        f"where digest = getvariable('digests')['{name}']"
        for name, holds in of.items()
    )


SUITES = (
    Suite(
        "visits_are_whole",
        "raw_archive_slice",
        "Every visit has an end, and a full one saw a snapshot that is in the archive.",
        """
        with said as (
            select *, count(*) over (partition by origin, visit) as times from origin_visit_status
            where slice = getvariable('slice') and source = getvariable('source')
        )
        select said.type, said.status, count(*) as visits,
            count(*) filter (said.origin is null or said.visit is null) as nameless,
            count(*) filter (visit.origin is null) as unannounced,
            count(*) filter (said.status = 'full' and snapshot.id is null) as without_snapshot,
            -- An export's visits were made by Software Heritage, on days of its own.
            count(*) filter (said.source <> 'swh' and said.date::date <> said.slice::date) as of_other_days,
            count(*) filter (times > 1) as repeated,
            min(said.origin) filter (
                visit.origin is null or times > 1 or (said.status = 'full' and snapshot.id is null)
                or (said.source <> 'swh' and said.date::date <> said.slice::date)
            ) as example
        from said
        left join origin_visit as visit using (slice, source, origin, visit)
        left join snapshot on snapshot.id = said.snapshot
        group by said.type, said.status
        """,
        ("type", "status", "example"),
        (
            *_never_null("type"),
            _one_of("status", "created", "ongoing", "full", "partial", "not_found", "failed"),
            *(_between(column, 0, 0) for column in ("nameless", "unannounced", "without_snapshot", "of_other_days", "repeated")),
        ),
    ),
    Suite(
        "contents_are_there",
        "raw_archive_slice",
        "Every file of every tree has a content or a skipped_content row; no path occurs twice.",
        f"""
        with file as ({_FILES}), tree as (
            select file.root, count(*) as files, count(distinct path) as paths,
                count(*) filter (content.sha1_git is null and skipped.sha1_git is null) as lost,
                count(*) filter (content.length < 0) as negative
            from file
            left join lake.content as content on content.sha1_git = file.content
            left join lake.skipped_content as skipped on skipped.sha1_git = file.content
            group by file.root
        )
        select count(*) as trees, min(files) as fewest_files, sum(lost)::bigint as lost, sum(negative)::bigint as negative,
            count(*) filter (files <> paths) as with_paths_twice,
            swhid('dir', min(root) filter (lost > 0 or negative > 0 or files <> paths)) as example
        from tree
        """,
        ("example",),
        (_between("fewest_files", 1), *(_between(column, 0, 0) for column in ("lost", "negative", "with_paths_twice"))),
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
        "span_values",
        "enriched_context",
        "Every span of a secret or of personal data lies in its content, in order, with a kind, a rule and a confidence.",
        f"""
        with content as (select distinct content from ({_FILES})),
        said as (
            select 'secrets' as annotator, content, spans from lake.annotation_secrets
            where digest = getvariable('digests')['secrets']
            union all
            select 'personal_data', content, spans from lake.annotation_personal_data
            where digest = getvariable('digests')['personal_data']
        ),
        span as (select annotator, content, unnest(spans) as span from said semi join content using (content))
        select annotator, span.kind as kind, count(*) as spans, count(distinct span.rule) as rules, min(span.confidence) as least,
            max(span.confidence) as most,
            count(*) filter (span.start < 0 or span.start >= span."end" or span."end" > stored.length) as outside,
            swhid('cnt', min(content)) as example
        from span join lake.content as stored on stored.sha1_git = content
        group by annotator, span.kind
        """,
        ("annotator", "kind", "example"),
        (
            *_never_null("kind", "least"),
            _between("rules", 1),
            _between("least", 0, 1),
            _between("most", 0, 1),
            _between("outside", 0, 0),
            _unique("annotator", "kind"),
        ),
    ),
    Suite(
        "license_evidence_values",
        "enriched_context",
        "Every statement about a licence has its lines, an expression, and a detector that we have.",
        f"""
        with content as (select distinct content from ({_FILES})),
        said as (
            select content, unnest(evidence) as one from lake.annotation_license_evidence semi join content using (content)
            where digest = getvariable('digests')['license_evidence']
        )
        select one.detector as detector, count(*) as statements,
            regexp_full_match(detector, '{DETECTORS}') as is_ours,
            count(*) filter (one.expression is null) as silent,
            count(*) filter (one.start_line < 1 or one.end_line < one.start_line) as misplaced,
            swhid('cnt', min(content)) as example
        from said group by one.detector
        """,
        ("detector", "example"),
        (
            *_always_true("is_ours"),
            _between("silent", 0, 0),
            _between("misplaced", 0, 0),
        ),
    ),
    Suite(
        "fact_values",
        "enriched_context",
        f"What {', '.join(_IMPOSSIBLE)} say of files is possible: known words, shares of one, no counts below zero.",
        f"""
        with file as materialized ({_FILES}), said as ({_answers("impossible", _FAULTS)})
        select annotator, count(*) as answers, count(*) filter (impossible) as impossible,
            swhid('cnt', min(content) filter (impossible)) as example
        from said group by annotator
        """,
        ("annotator", "example"),
        (_between("impossible", 0, 0), _unique("annotator")),
    ),
    Suite(
        "annotators_answer",
        "enriched_context",
        "Of the slice's contents few make an annotator fail, and few texts are of no language.",
        f"""
        with file as materialized ({_FILES}), said as (
            {_answers("mute", dict.fromkeys(_ANNOTATORS, "error is not null"))}
            union all
            select 'language', said.content, said.language is null from lake.annotation_language as said
            join lake.annotation_encoding as encoding on encoding.content = said.content
                and encoding.digest = getvariable('digests')['encoding'] and not encoding.binary
            where said.digest = getvariable('digests')['language']
        )
        select annotator, count(*) as answers, count(*) filter (mute) as silent, silent / answers as share,
            share <= case annotator when 'language' then 0.5 else 0.01 end or silent <= 5 as is_usual,
            swhid('cnt', min(content) filter (mute)) as example
        from said semi join file using (content) group by annotator
        """,
        ("annotator", "example"),
        (_between("share", 0, 1), *_always_true("is_usual")),
        blocking=False,
    ),
    Suite(
        "drift_since_last_slice",
        "enriched_context",
        f"Less than half of the files (of {_ENOUGH} or more) are of other languages, licences, makers or places than before.",
        f"""
        with here as ({_FILES}), before as ({_files("previous")}),
        placed as (select 'here' as side, path, content from here union all select 'before', path, content from before),
        named as (select side, parse_filename(from_utf8(path), false, 'forward_slash') as name, content from placed),
        said as (
            select 'language' as annotation, side, coalesce(language, 'none') as value
            from named join annotation_language as it on it.swhid = swhid('cnt', named.content) and it.name = named.name
            union all
            select 'license', side, coalesce(stated, 'none')
            from named join annotation_license_evidence as it on it.swhid = swhid('cnt', named.content) and it.name = named.name
            union all
            select 'generated', side, coalesce(evidence, 'none')
            from named join annotation_generated as it on it.swhid = swhid('cnt', named.content) and it.name = named.name
            union all
            select 'place', side, case when vendored then 'vendored' when test then 'test' when documentation then 'text' end
            from placed join lake.annotation_path_facts using (path) where digest = getvariable('digests')['path_facts']
        ),
        counted as (
            select annotation, value, count(*) filter (side = 'here') as here, count(*) filter (side = 'before') as before
            from said group by annotation, value
        ),
        whole as (select annotation, sum(here) as here, sum(before) as before from counted group by annotation)
        select annotation, whole.here::bigint as files, whole.before::bigint as files_before,
            case when least(whole.here, whole.before) >= {_ENOUGH}
                then sum(abs(counted.here / whole.here - counted.before / whole.before)) / 2 end as moved,
            arg_max(value, abs(counted.here / whole.here - counted.before / whole.before)) as most_of_all
        from counted join whole using (annotation) group by annotation, whole.here, whole.before
        """,
        ("annotation", "most_of_all"),
        (_between("moved", 0, 0.5),),
        blocking=False,
    ),
    Suite(
        "detectors_agree",
        "enriched_context",
        "Two detectors seldom differ about one thing: a binary file or a program, the manifest's licence or the licence file's.",
        f"""
        with file as ({_FILES}),
        named as (select distinct content, parse_filename(from_utf8(path), false, 'forward_slash') as name from file),
        licensed as (
            select file.root, list(distinct said.stated) as stated
            from file join annotation_license_evidence as said on said.swhid = swhid('cnt', file.content) and said.license_file
            where said.stated is not null group by file.root
        ),
        declared as (
            select file.root, any_value(said.license order by from_utf8(file.path)) as license, min(file.content) as content
            from file join annotation_project_metadata as said on said.swhid = swhid('cnt', file.content)
                and said.name = parse_filename(from_utf8(file.path), false, 'forward_slash')
            where said.license is not null group by file.root
        ),
        pair as (
            select 'encoding and language' as detectors, named.content,
                language.kind is not distinct from 'programming' and encoding.binary as differ
            from named join annotation_language as language
                on language.swhid = swhid('cnt', named.content) and language.name = named.name
            join annotation_encoding as encoding on encoding.swhid = language.swhid
            union all
            -- One name in common will do: `MIT` and `MIT AND Apache-2.0` agree.
            select 'manifest and license file', content,
                not list_has_any(
                    regexp_extract_all(license, {_NAME}), flatten(list_transform(stated, one -> regexp_extract_all(one, {_NAME})))
                )
            from declared join licensed using (root)
        )
        select detectors, count(*) as compared, count(*) filter (differ) as differing, differing / compared as share,
            share <= 0.25 or differing <= 5 as is_usual, swhid('cnt', min(content) filter (differ)) as example
        from pair group by detectors
        """,
        ("detectors", "example"),
        (_between("share", 0, 1), *_always_true("is_usual")),
        blocking=False,
    ),
    Suite(
        "thread_values",
        "enriched_context",
        "Every event of a discussion belongs to a numbered issue or pull request of a repository; few comments have no text.",
        f"""
        select kind, count(*) as events, min(number) as least_number,
            count(*) filter (repository is null or created_at is null) as homeless,
            count(*) filter (text is not null and text_id is null) as nameless,
            count(*) filter (text_kind = 'comment') as said,
            count(*) filter (text_kind = 'comment' and coalesce(text, '') = '' and action is distinct from 'deleted') as silent,
            silent <= greatest(5, 0.05 * said) as is_usual,
            min(id) filter (repository is null or created_at is null or (text is not null and text_id is null)) as example
        from lake.thread_event where {_FED} group by kind
        """,
        ("kind", "example"),
        (
            _one_of("kind", "issue", "pull_request"),
            _between("least_number", 1),
            _between("homeless", 0, 0),
            _between("nameless", 0, 0),
            *_always_true("is_usual"),
        ),
    ),
    Suite(
        "repository_values",
        "enriched_context",
        "What is said of repositories is possible: each has a number and a name, and nothing is counted below zero.",
        f"""
        select part, count(*) as observations, min(least(stars, watchers, forks, open_issues)) as least,
            count(*) filter (repository_id is null or repository is null) as nameless,
            min(id) filter (repository_id is null or repository is null or least(stars, watchers, forks) < 0) as example
        from lake.repository_observation where {_FED} group by part
        """,
        ("part", "example"),
        (_between("least", 0), _between("nameless", 0, 0)),
    ),
    Suite(
        "vulnerability_values",
        "enriched_context",
        "Every record of a vulnerability has a name, and only statements that are there.",
        f"""
        with said as (from lake.vulnerability_record where {_FED}),
        made as (select id, unnest(affected).statement as statement from said)
        select count(*) as records, count(distinct id) as names, count(*) filter (coalesce(id, '') = '') as nameless,
            (select count(*) from made anti join lake.vulnerability_statement using (statement)) as lost
        from said
        """,
        (),
        tuple(_between(column, 0, 0) for column in ("nameless", "lost")),
    ),
    Suite(
        "vulnerability_days",
        "enriched_context",
        "No record of a vulnerability was withdrawn before it was published; where one was, its database is wrong.",
        f"""
        select count(*) as records, count(*) filter (withdrawn < published) as withdrawn_before_published,
            min(id) filter (withdrawn < published) as example
        from lake.vulnerability_record where {_FED}
        """,
        ("example",),
        (_between("withdrawn_before_published", 0, 0),),
        blocking=False,
    ),
    Suite(
        "mention_values",
        "enriched_context",
        "Every mention of software has a name, offsets in their order, and scores that are shares of one.",
        f"""
        select layout, count(*) as mentions, count(*) filter (coalesce(name, '') = '') as nameless,
            count(*) filter (start_offset < 0 or end_offset < start_offset) as misplaced,
            min(least(used_score, created_score, shared_score, document_used_score)) as least,
            max(greatest(used_score, created_score, shared_score, document_used_score)) as most,
            min(paper) filter (coalesce(name, '') = '' or end_offset < start_offset) as example
        from lake.mention where {_FED} group by layout
        """,
        ("layout", "example"),
        (_between("nameless", 0, 0), _between("misplaced", 0, 0), _between("least", 0, 1), _between("most", 0, 1)),
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
        from file left join (
            select root, path, policy, verdict, kind || '/' || rule as rule, nullif(decided, '') as expression, evidence
            from lake.license_resolution join lake.license_judgement using (resolution, statement)
        ) as decision using (root, path)
        group by policy, verdict, rule
        """,
        ("policy", "verdict", "rule", "example"),
        (
            *_never_null("policy", "rule"),
            _one_of("verdict", "permissive", "copyleft", "non_permissive", "no_license", "unknown", "conflict"),
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
            from lake.dataset_row
            where dataset = getvariable('source') and fingerprint = getvariable('fingerprint') group by shard
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
