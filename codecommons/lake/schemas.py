# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Every table of the lake, declared once.

Names and columns of the archive tables are Software Heritage's (swh-export ``relational.py``), with three differences:
hashes are binary here and hex at the edges, each object row says whether its identifier was ``verified``, and
dates are always the struct that the Parquet export uses, because wild dates fit no timestamp type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

Scope = Literal["content", "slice", "log", "dataset"]

HASH = pa.binary()
DATE = pa.struct([pa.field("seconds", pa.int64()), pa.field("microseconds", pa.int32())])


@dataclass(frozen=True)
class Table:
    """One table: what a row means, what identifies it, and where its files go.

    Attributes:
        name: also the folder of the Delta table under the lake.
        description: what one row is; shown in the UI and by ``dbt docs``.
        fields: columns in order, without ``bucket`` and without the partition columns of a slice-scoped table.
        key: columns whose values identify what a row belongs to. A commit adds a key only once: all rows of a key
            (say, the entries of one directory) arrive in one commit. The branches of a snapshot are keyed one by one:
            Software Heritage's export leaves some out, and whoever knows more adds them.
        scope: ``content`` tables are append-only facts keyed by identifier; ``slice`` tables hold news and follow
            ``slice_log``; ``log`` tables are the lake's own bookkeeping; ``dataset`` tables belong to one release.
        partition: partition columns that are stored in ``fields`` and come before ``bucket``.
        many: a key has many rows (the entries of one directory), not one.
        restricted: columns that no view shows, as they hold names of people.
        unless: a table of the same key; readers see no row whose key that one has, whichever came first.
    """

    name: str
    description: str
    fields: tuple[pa.Field, ...]
    key: tuple[str, ...]
    scope: Scope = "content"
    partition: tuple[str, ...] = field(default=())
    many: bool = False
    restricted: tuple[str, ...] = ()
    unless: str | None = None

    @property
    def bucket_key(self) -> str:
        """The binary column whose top bits give the bucket: the first of the key that is no partition column."""
        return next(name for name in self.key if name not in self.partition)

    @property
    def proves(self) -> bool:
        """Whether rows say if their identifier was verified; of two rows of a key, one that says ``yes`` wins."""
        return any(field.name == "verified" for field in self.fields)

    @property
    def partition_by(self) -> list[str]:
        """Delta's partition columns."""
        match self.scope:
            case "content":
                return [*self.partition, "bucket"]
            case "slice":
                return ["slice", "source", "attempt"]
            case "dataset":
                return ["dataset", "fingerprint"]
            case _:
                return list(self.partition)

    @property
    def schema(self) -> pa.Schema:
        """The whole Arrow schema, partition columns last as they are added."""
        return pa.schema([*self.fields, *_ADDED[self.scope]])


_ADDED: dict[Scope, list[pa.Field]] = {
    "content": [pa.field("bucket", pa.int32())],
    "slice": [pa.field("slice", pa.string()), pa.field("source", pa.string()), pa.field("attempt", pa.string())],
    "dataset": [pa.field("dataset", pa.string()), pa.field("fingerprint", pa.string())],
    "log": [],
}


def _fields(**columns: pa.DataType) -> tuple[pa.Field, ...]:
    return tuple(pa.field(name, kind) for name, kind in columns.items())


_VERIFIED = {"verified": pa.string(), "verified_reason": pa.string()}

ARCHIVE = (
    Table("origin", "One place software was found at; id is sha1 of the URL.", _fields(id=HASH, url=pa.string()), ("id",)),
    Table("snapshot", "The whole state of an origin at a visit.", _fields(id=HASH, **_VERIFIED), ("id",)),
    Table(
        "snapshot_branch",
        "One named branch of a snapshot; an alias targets the bytes of a branch name.",
        _fields(snapshot_id=HASH, name=pa.binary(), target=pa.binary(), target_type=pa.string()),
        ("snapshot_id", "name"),
    ),
    Table(
        "release",
        "A named version: an annotated tag, or a package version (synthetic).",
        _fields(
            id=HASH,
            name=pa.binary(),
            message=pa.binary(),
            target=HASH,
            target_type=pa.string(),
            author=HASH,
            date=DATE,
            date_offset=pa.int16(),
            date_raw_offset_bytes=pa.binary(),
            raw_manifest=pa.binary(),
            **_VERIFIED,
        ),
        ("id",),
    ),
    Table(
        "revision",
        "One commit. Author and committer are sha256 of the full name; names live in person.",
        _fields(
            id=HASH,
            message=pa.binary(),
            author=HASH,
            date=DATE,
            date_offset=pa.int16(),
            date_raw_offset_bytes=pa.binary(),
            committer=HASH,
            committer_date=DATE,
            committer_offset=pa.int16(),
            committer_date_raw_offset_bytes=pa.binary(),
            directory=HASH,
            type=pa.string(),
            raw_manifest=pa.binary(),
            **_VERIFIED,
        ),
        ("id",),
    ),
    Table(
        "revision_history",
        "One parent of a revision.",
        _fields(id=HASH, parent_id=HASH, parent_rank=pa.int32()),
        ("id",),
        many=True,
    ),
    Table(
        "revision_extra_headers",
        "One extra header of a revision, in order of rank.",
        _fields(id=HASH, rank=pa.int32(), key=pa.binary(), value=pa.binary()),
        ("id",),
        many=True,
    ),
    Table("directory", "One directory.", _fields(id=HASH, raw_manifest=pa.binary(), **_VERIFIED), ("id",)),
    Table(
        "directory_entry",
        "One entry of a directory.",
        _fields(directory_id=HASH, name=pa.binary(), type=pa.string(), target=HASH, perms=pa.int32()),
        ("directory_id",),
        many=True,
    ),
    Table(
        "content",
        "One file content, by its bytes.",
        _fields(
            sha1_git=HASH,
            sha1=HASH,
            sha256=HASH,
            blake2s256=HASH,
            length=pa.int64(),
            status=pa.string(),
            **_VERIFIED,
        ),
        ("sha1_git",),
    ),
    Table(
        "skipped_content",
        "A content whose bytes are not here, with the reason.",
        _fields(
            sha1_git=HASH, sha1=HASH, sha256=HASH, blake2s256=HASH, length=pa.int64(), status=pa.string(), reason=pa.string()
        ),
        ("sha1_git",),
        unless="content_data",
    ),
    Table("content_data", "The bytes of a content.", _fields(sha1_git=HASH, data=pa.binary()), ("sha1_git",)),
    Table(
        "person",
        "RESTRICTED: the full name behind an author hash.",
        _fields(sha256_fullname=HASH, fullname=pa.binary()),
        ("sha256_fullname",),
    ),
    Table(
        "extid",
        "What an external identifier, such as an archive's sha256, was loaded as, so that it is never loaded twice.",
        _fields(
            extid=HASH,
            extid_type=pa.string(),
            extid_version=pa.int32(),
            target=HASH,
            target_type=pa.string(),
            files=pa.int64(),
            bytes=pa.int64(),
            skipped_files=pa.int64(),
            skipped_bytes=pa.int64(),
            detail=pa.string(),
        ),
        ("extid",),
    ),
    Table(
        "tree_file",
        "One file of a root directory, by its path from the root (bytes, '/' between names).",
        _fields(root=HASH, path=pa.binary(), perms=pa.int32(), content=HASH),
        ("root",),
        many=True,
    ),
)

MOMENT = pa.timestamp("us", "UTC")
COLLECTIONS = (
    Table(
        "declaration",
        "What a collection declares of one file, as it is written there; the tree's top folder is named after all of it.",
        _fields(
            root=HASH,
            path=pa.binary(),
            licenses=pa.list_(pa.string()),
            date=MOMENT,
            language=pa.string(),
            row_id=pa.string(),
            declared_by=pa.string(),
        ),
        ("root",),
        many=True,
    ),
    Table(
        "collection_tree",
        "One tree that one state of a collection was loaded as, so that it is never loaded twice.",
        _fields(
            state=HASH,
            origin=pa.string(),
            root=HASH,
            files=pa.int64(),
            bytes=pa.int64(),
            skipped_files=pa.int64(),
            skipped_bytes=pa.int64(),
        ),
        ("state",),
        many=True,
    ),
    Table(
        "introduced",
        "A file of a revision that none of the parents that are there has in the same place; nulls where there is no such file.",
        _fields(revision=HASH, parents=pa.int32(), path=pa.binary(), content=HASH),
        ("revision", "parents"),
        many=True,
    ),
    Table(
        "commit_change",
        "The file that a revision changed, if it changed one and nothing else; nulls where it did not.",
        _fields(revision=HASH, parent=HASH, path=pa.binary(), before=HASH, after=HASH),
        ("revision",),
    ),
    Table(
        "origin_revision",
        "A revision that the history of an origin holds; origin is sha1 of its URL.",
        _fields(revision=HASH, origin=HASH),
        ("revision", "origin"),
    ),
)

ORIGIN_VISIT = Table(
    "origin_visit",
    "One visit of an origin.",
    _fields(origin=pa.string(), visit=pa.int64(), date=pa.timestamp("us", "UTC"), type=pa.string()),
    ("origin", "visit"),
    "slice",
)
ORIGIN_VISIT_STATUS = Table(
    "origin_visit_status",
    "How a visit ended and the snapshot it saw.",
    _fields(
        origin=pa.string(),
        visit=pa.int64(),
        date=pa.timestamp("us", "UTC"),
        status=pa.string(),
        snapshot=HASH,
        type=pa.string(),
    ),
    ("origin", "visit"),
    "slice",
)
QUARANTINE = Table(
    "quarantine",
    "One thing that was left out, with the reason; or, if kept, one that was taken as it is and is worth a look.",
    _fields(
        item=pa.string(),
        stage=pa.string(),
        reason=pa.string(),
        detail=pa.string(),
        path=pa.binary(),
        length=pa.int64(),
        kept=pa.bool_(),
    ),
    ("item", "stage"),
    "slice",
)
FEEDS = (
    Table(
        "gharchive_event",
        "One event of an hour of GH Archive; actor is sha256 of the login, event the whole record as it came.",
        _fields(
            item=pa.string(),
            hour=pa.string(),
            id=pa.string(),
            type=pa.string(),
            actor=HASH,
            repo_id=pa.int64(),
            repo=pa.string(),
            url=pa.string(),
            created_at=MOMENT,
            public=pa.bool_(),
            complete=pa.bool_(),
            event=pa.string(),
        ),
        ("hour", "id"),
        "slice",
        restricted=("event",),
    ),
    Table(
        "osv_record",
        "One vulnerability as OSV tells it: record is its JSON without the credits, packages are purls.",
        _fields(
            item=pa.string(),
            id=pa.string(),
            modified=MOMENT,
            published=MOMENT,
            withdrawn=MOMENT,
            aliases=pa.list_(pa.string()),
            packages=pa.list_(pa.string()),
            record=pa.string(),
            credits=pa.string(),
        ),
        ("item", "id"),
        "slice",
        restricted=("credits",),
    ),
    Table(
        "software_mention",
        "One document in which mentions of software are annotated: layout says how, record is all that the feed has of it.",
        _fields(
            item=pa.string(),
            id=pa.string(),
            doi=pa.string(),
            title=pa.string(),
            layout=pa.string(),
            mentions=pa.int64(),
            record=pa.string(),
        ),
        ("item", "id"),
        "slice",
        restricted=("record",),
    ),
)
EVENT = pa.struct(
    [pa.field("range", pa.int32()), pa.field("type", pa.string()), pa.field("event", pa.string()), pa.field("value", pa.string())]
)
SEVERITY = pa.list_(pa.struct([pa.field("type", pa.string()), pa.field("score", pa.string())]))
AFFECTED = pa.struct([pa.field("entry", pa.int32()), pa.field("statement", HASH), pa.field("severity", SEVERITY)])
VULNERABILITIES = (
    Table(
        "vulnerability_record",
        "One record of a vulnerability: affected names the statements it makes, problems what is not as OSV's schema has it.",
        _fields(
            item=pa.string(),
            id=pa.string(),
            digest=HASH,
            modified=MOMENT,
            published=MOMENT,
            withdrawn=MOMENT,
            aliases=pa.list_(pa.string()),
            summary=pa.string(),
            severity=SEVERITY,
            affected=pa.list_(AFFECTED),
            problems=pa.list_(pa.string()),
        ),
        ("item", "id"),
        "slice",
    ),
    Table(
        "vulnerability_statement",
        "What is said to be affected of one package or repository, by whatever records; place is what origins compare in.",
        _fields(
            statement=HASH,
            kind=pa.string(),
            place=pa.string(),
            ecosystem=pa.string(),
            name=pa.string(),
            events=pa.list_(EVENT),
            versions=pa.list_(pa.string()),
            fixed=pa.list_(pa.string()),
            problem=pa.string(),
        ),
        ("statement",),
    ),
    Table(
        "vulnerability_verdict",
        "Whether a statement affects a release of a package, or a revision; affected is null where that can't be told, ever.",
        _fields(digest=pa.string(), statement=HASH, target=HASH, affected=pa.bool_(), rule=pa.string(), detail=pa.string()),
        ("digest", "statement", "target"),
        partition=("digest",),
    ),
)
MENTION = Table(
    "mention",
    "One mention of software in a paper, with what is said of it; offsets are characters of the text or of its sentence.",
    _fields(
        item=pa.string(),
        paper=pa.string(),
        doi=pa.string(),
        title=pa.string(),
        layout=pa.string(),
        number=pa.int32(),
        name=pa.string(),
        normalized=pa.string(),
        type=pa.string(),
        versions=pa.list_(pa.string()),
        urls=pa.list_(pa.string()),
        publishers=pa.list_(pa.string()),
        languages=pa.list_(pa.string()),
        swhid=pa.string(),
        relationship=pa.string(),
        used=pa.bool_(),
        used_score=pa.float64(),
        created=pa.bool_(),
        created_score=pa.float64(),
        shared=pa.bool_(),
        shared_score=pa.float64(),
        document_used=pa.bool_(),
        document_used_score=pa.float64(),
        document_created=pa.bool_(),
        document_created_score=pa.float64(),
        document_shared=pa.bool_(),
        document_shared_score=pa.float64(),
        start_offset=pa.int64(),
        end_offset=pa.int64(),
        offsets_in=pa.string(),
        name_form=pa.string(),
        places=pa.list_(pa.string()),
    ),
    ("item", "paper"),
    "slice",
)
FORGE = (
    Table(
        "thread_event",
        "What one event of a forge adds to an issue or pull request. People are sha256 of the login in lower case; in texts, who "
        "is called stands as @{sha256}; bot names the rule that tells one. Title, body and labels are those at that time.",
        _fields(
            item=pa.string(),
            id=pa.string(),
            created_at=MOMENT,
            repository_id=pa.int64(),
            repository=pa.string(),
            origin=pa.string(),
            number=pa.int64(),
            kind=pa.string(),
            action=pa.string(),
            actor=HASH,
            author=HASH,
            bot=pa.string(),
            opener=HASH,
            opener_bot=pa.string(),
            association=pa.string(),
            opened_at=MOMENT,
            title=pa.string(),
            body=pa.string(),
            labels=pa.list_(pa.string()),
            comments=pa.int64(),
            review_comments=pa.int64(),
            merged=pa.bool_(),
            base=pa.string(),
            head=pa.string(),
            text_kind=pa.string(),
            text_id=pa.int64(),
            text_at=MOMENT,
            text=pa.string(),
            review_state=pa.string(),
            review_id=pa.int64(),
            in_reply_to=pa.int64(),
            path=pa.string(),
            line=pa.int64(),
            diff_hunk=pa.string(),
            commit=pa.string(),
            complete=pa.bool_(),
        ),
        ("item", "id"),
        "slice",
    ),
    Table(
        "repository_observation",
        "What an event of a forge says of one repository, as it was then: forge metadata and popularity.",
        _fields(
            item=pa.string(),
            id=pa.string(),
            observed_at=MOMENT,
            repository_id=pa.int64(),
            repository=pa.string(),
            origin=pa.string(),
            part=pa.string(),
            description=pa.string(),
            homepage=pa.string(),
            language=pa.string(),
            license=pa.string(),
            license_key=pa.string(),
            topics=pa.list_(pa.string()),
            default_branch=pa.string(),
            fork=pa.bool_(),
            forked_from=pa.string(),
            archived=pa.bool_(),
            stars=pa.int64(),
            watchers=pa.int64(),
            forks=pa.int64(),
            open_issues=pa.int64(),
            size=pa.int64(),
            created_at=MOMENT,
            updated_at=MOMENT,
            pushed_at=MOMENT,
        ),
        ("item", "id", "part"),
        "slice",
    ),
)
STAGE_REPORT = Table(
    "stage_report",
    "What one run of a stage did for one slice and source: measured, not data; runs are counted from 1.",
    _fields(
        slice=pa.string(),
        source=pa.string(),
        stage=pa.string(),
        run=pa.int64(),
        attempt=pa.string(),
        rows_in=pa.int64(),
        bytes_in=pa.int64(),
        rows_kept=pa.int64(),
        bytes_kept=pa.int64(),
        dropped=pa.string(),
        computed=pa.int64(),
        reused=pa.int64(),
        seconds=pa.float64(),
        seconds_saved=pa.float64(),
        peak_memory=pa.int64(),
        details=pa.string(),
    ),
    ("slice", "source", "stage", "run"),
    "log",
)
SLICE_INPUT = Table(
    "slice_input",
    "What a slice consists of, said before anything is fetched.",
    _fields(
        slice=pa.string(),
        source=pa.string(),
        item=pa.string(),
        version=pa.string(),
        sha256=pa.string(),
        detail=pa.string(),
    ),
    ("slice", "source", "item"),
    "log",
)
SLICE_LOG = Table(
    "slice_log",
    "The only switch: one row per (slice, source, stage) with its verdict and live attempt.",
    _fields(
        slice=pa.string(),
        source=pa.string(),
        stage=pa.string(),
        verdict=pa.string(),
        attempt=pa.string(),
        failing_check=pa.string(),
        detail=pa.string(),
        input_digest=pa.string(),
    ),
    ("slice", "source", "stage"),
    "log",
)
LISTED_ORIGIN = Table(
    "listed_origin",
    "What a lister found: a row when an item was new or had moved, and a row with the slice when it became input of one.",
    _fields(
        lister=pa.string(),
        instance=pa.string(),
        url=pa.string(),
        visit_type=pa.string(),
        source=pa.string(),
        item=pa.string(),
        last_update=pa.timestamp("us", "UTC"),
        due=pa.string(),
        day=pa.string(),
        slice=pa.string(),
        problem=pa.string(),
        sha256=pa.string(),
    ),
    ("lister", "instance", "url", "visit_type"),
    "log",
    partition=("lister", "instance"),
)
CURSOR = Table(
    "cursor",
    "How far a followed source was listed; one row each, which only moves forward.",
    _fields(
        instance=pa.string(),
        lister=pa.string(),
        configuration=pa.string(),
        cursor=pa.string(),
        day=pa.string(),
        completed=pa.timestamp("us", "UTC"),
        waiting=pa.int64(),
    ),
    ("instance",),
    "log",
)
LICENSE_RESOLUTION = Table(
    "license_resolution",
    "What is said of the licence of one file in its own tree; statement is sha1 of expression, NUL and otherwise.",
    _fields(
        resolution=pa.string(),
        root=HASH,
        path=pa.binary(),
        content=HASH,
        expression=pa.string(),
        otherwise=pa.string(),
        statement=HASH,
        kind=pa.string(),
        evidence=pa.list_(pa.string()),
    ),
    ("resolution", "root"),
    partition=("resolution",),
    many=True,
)
LICENSE_JUDGEMENT = Table(
    "license_judgement",
    "What one statement is worth under one policy, by which rule of which version, and what the licences ask for.",
    _fields(
        policy=pa.string(),
        statement=HASH,
        resolution=pa.string(),
        decided=pa.string(),
        verdict=pa.string(),
        rule=pa.string(),
        version=pa.int64(),
        obligations=pa.list_(pa.string()),
    ),
    ("policy", "statement"),
    partition=("policy",),
)
# ``dedup`` registers it with its other tables. It stands here because the SQL face has it and importing ``dedup`` takes a second.
DUPLICATE_PAIR = Table(
    "duplicate_pair",
    "Two texts (a < b) whose exact Jaccard similarity over shingles was computed; accepted from the threshold on.",
    _fields(configuration=pa.string(), a=HASH, b=HASH, similarity=pa.float64(), accepted=pa.bool_()),
    ("configuration", "a", "b"),
    partition=("configuration",),
)
OPT_OUT_LEDGER = Table(
    "opt_out_ledger",
    "One entry of the opt-out ledger: canonical JSON that names the digest of the entry before; digest is sha256 of it, hex.",
    _fields(sequence=pa.int64(), digest=pa.string(), entry=pa.string()),
    ("sequence",),
    "log",
)
DATASETS = (
    Table(
        "dataset",
        "One release of a dataset.",
        _fields(specification=pa.string(), as_of=pa.string(), rows=pa.int64(), bytes=pa.int64(), shards=pa.int64()),
        (),
        "dataset",
    ),
    Table(
        "dataset_row",
        "Where one row of a release is, and what it is.",
        _fields(
            shard=pa.string(),
            row=pa.int64(),
            content=HASH,
            before_content=HASH,
            swhid=pa.string(),
            origin=pa.string(),
            path=pa.binary(),
            length=pa.int64(),
            language=pa.string(),
            license=pa.string(),
        ),
        (),
        "dataset",
    ),
    Table(
        "shard",
        "One file of a release.",
        _fields(shard=pa.string(), sha256=pa.string(), rows=pa.int64(), bytes=pa.int64()),
        (),
        "dataset",
    ),
    Table(
        "dataset_drop",
        "A candidate row that a rule left out: which rule, why, and the kept content when it is a duplicate.",
        _fields(
            content=HASH,
            before_content=HASH,
            origin=pa.string(),
            anchor=pa.string(),
            path=pa.binary(),
            length=pa.int64(),
            rule=pa.string(),
            evidence=pa.list_(pa.string()),
            kept=HASH,
            similarity=pa.float64(),
        ),
        (),
        "dataset",
    ),
)

# What a row points to is committed before the row: finding a row means that everything below it is there.
COMMIT_ORDER = (
    "content_data",
    "content",
    "skipped_content",
    "directory_entry",
    "directory",
    "tree_file",
    "declaration",
    "person",
    "revision_extra_headers",
    "revision_history",
    "revision",
    "release",
    "snapshot_branch",
    "snapshot",
    "origin",
    "collection_tree",
    "introduced",
    "commit_change",
    "origin_revision",
    "vulnerability_statement",
    "extid",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *ARCHIVE,
        *COLLECTIONS,
        ORIGIN_VISIT,
        ORIGIN_VISIT_STATUS,
        QUARANTINE,
        *FEEDS,
        *VULNERABILITIES,
        MENTION,
        *FORGE,
        STAGE_REPORT,
        SLICE_INPUT,
        SLICE_LOG,
        LISTED_ORIGIN,
        CURSOR,
        LICENSE_RESOLUTION,
        LICENSE_JUDGEMENT,
        OPT_OUT_LEDGER,
        *DATASETS,
    )
}
