# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Gathers a story as plain data: one query a chapter, over the lake's own tables, whose binary keys let files be skipped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from codecommons import swhid as identity
from codecommons.errors import UsageError
from codecommons.swhid import Swhid, git
from codecommons.swhid.tree import identify_paths

if TYPE_CHECKING:
    import duckdb

    from codecommons.lake import Lake

Row = dict[str, Any]

# Public archive of Software Heritage: a SWHID resolves there, whoever computed it.
ARCHIVE_URL = "https://archive.softwareheritage.org/"


def explain(lake: Lake, target: str) -> Row:
    """Tell everything the lake knows about one thing.

    Args:
        lake: the lake.
        target: a SWHID, the path of a file, folder or repository, or an origin (a URL or purl).

    Returns:
        ``target, kind, swhid, archive, known`` and, by kind: for a content ``content, occurrences, first_occurrence, annotations,
        license_decisions, forge, opt_outs, duplicate_pairs, datasets, dropped, quarantine``; for another object ``object,
        anchors, parents``; for an origin ``visits, anchors, licenses, forge, quarantine``. ``forks`` of the first occurrence are
        other origins that hold the same revision. ``forge`` is what forges show as the licence of the repositories. All but a
        path that is not there have ``vulnerabilities`` (of an origin, or of the releases and revisions that hold an object) and
        ``mentions`` (of the origins). ``note`` says what a reader might otherwise misread.

    Raises:
        UsageError: the target is no SWHID, no path and no origin of the lake.
        ItemError: the path can't be read.
        LakeError: a table can't be read.
    """
    with lake.sql() as connection:
        if target.startswith("swh:"):
            return _explain_object(connection, target, Swhid.parse(target))
        if target and Path(target).exists():
            return _explain_path(connection, target)
        origin = _origin_named(connection, target)
        if origin is None:
            raise UsageError(
                f"{target!r} is neither a SWHID, nor a path here, nor an origin of the lake; "
                "`codecommons sql 'from origin'` lists those"
            )
        return _explain_origin(connection, target, origin)


def _explain_object(connection: duckdb.DuckDBPyConnection, target: str, swhid: Swhid) -> Row:
    story: Row = {"target": target, "kind": identity.KINDS[swhid.kind], "swhid": swhid.core, "archive": ARCHIVE_URL + swhid.core}
    gather = _content if swhid.kind == "cnt" else _container
    return story | gather(connection, swhid)


def _explain_path(connection: duckdb.DuckDBPyConnection, path: str) -> Row:
    swhid = Swhid.parse(next(identify_paths([path]))[0])
    story = _explain_object(connection, path, swhid)
    if not story["known"] and swhid.kind == "cnt":
        story["path_occurrences"] = _same_path(connection, Path(path))
        if story["path_occurrences"]:
            story["note"] = "these bytes are not in the lake, but the lake has other bytes at this path of the same repository"
    return story


def _explain_origin(connection: duckdb.DuckDBPyConnection, target: str, origin: str) -> Row:
    visits = _rows(connection, "from origin_visit_status where origin = ? order by visit", [origin])
    anchors = _rows(
        connection,
        """select swhid(kind, id) as anchor, swhid('dir', root) as root, date, min(slice) as first_slice
        from lake.anchor where origin = ? group by all order by date, anchor""",
        [origin],
    )
    licenses = _rows(
        connection,
        """select policy, verdict, count(*) as files, count(distinct content) as contents
        from lake.license_decision
        where root in (select root from lake.anchor where origin = ?) group by all order by policy, files desc, verdict""",
        [origin],
    )
    story = {
        "target": target,
        "kind": "origin",
        "origin": origin,
        "known": True,
        # The archive knows repositories by their address; a purl or a folder of ours says nothing to it.
        "archive": f"{ARCHIVE_URL}browse/origin/?origin_url={quote(origin)}" if origin.startswith("http") else None,
    }
    return story | {
        "visits": visits,
        "anchors": anchors,
        "licenses": licenses,
        "forge": _forge(connection, [origin]),
        "vulnerabilities": _vulnerabilities(connection, "origin", [origin]),
        "mentions": _mentions(connection, [origin]),
        "quarantine": _quarantine_of(connection, [origin]),
    }


def _content(connection: duckdb.DuckDBPyConnection, swhid: Swhid) -> Row:
    me = [swhid.identifier]
    held = _rows(
        connection,
        """select length, status, null as reason, verified, lower(hex(sha1)) as sha1, lower(hex(sha1_git)) as sha1_git,
            lower(hex(sha256)) as sha256, lower(hex(blake2s256)) as blake2s256 from lake.content where sha1_git = $1
        union all
        select length, status, reason, null, lower(hex(sha1)), lower(hex(sha1_git)), lower(hex(sha256)), lower(hex(blake2s256))
        from lake.skipped_content where sha1_git = $1""",
        me,
    )
    occurrences = _rows(
        connection,
        """select origin, visit, slice, swhid(kind, id) as anchor, swhid('dir', root) as root, from_utf8(path) as path, date
        from lake.occurrence where content = ? order by date nulls last, id, origin, path, visit""",
        me,
    )
    first = _rows(
        connection,
        """select origin, swhid(kind, id) as anchor, swhid('dir', root) as root, from_utf8(path) as path, date
        from lake.seen where content = ? qualify rank() over (order by date nulls last, id) = 1 order by origin, path""",
        me,
    )
    decisions = _rows(
        connection,
        """select swhid('dir', root) as root, from_utf8(path) as path, policy, verdict, rule, version, obligations, evidence,
            expression
        from lake.license_decision where content = ? order by root, path, policy""",
        me,
    )
    opt_outs = _rows(
        connection,
        """select reason, null as origin, null as path from lake.opted_out_content where content = $1 and reason is not null
        union
        select reason, origin, from_utf8(path) from lake.occurrence join lake.opted_out_origin using (origin) where content = $1
        union
        select reason, origin, from_utf8(path) from lake.occurrence join lake.opted_out_place using (origin, root, path)
        where content = $1 order by all""",
        me,
    )
    pairs = _rows(
        connection,
        """select swhid('cnt', if(a = $1, b, a)) as content, similarity, accepted, configuration from lake.duplicate_pair
        where a = $1 or b = $1 order by similarity desc, content""",
        me,
    )
    datasets = _rows(
        connection,
        """select dataset, fingerprint, shard, row, origin, from_utf8(path) as path, language, license
        from lake.dataset_row where content = $1 or before_content = $1 order by dataset, fingerprint, shard, row""",
        me,
    )
    dropped = _rows(
        connection,
        """select dataset, fingerprint, origin, from_utf8(path) as path, rule, evidence, swhid('cnt', kept) as kept, similarity
        from lake.dataset_drop where content = $1 or before_content = $1 order by dataset, fingerprint, origin, path""",
        me,
    )
    return {
        "known": bool(held or occurrences),
        "content": held[0] if held else None,
        "occurrences": occurrences,
        "first_occurrence": first[0] | {"forks": sorted({row["origin"] for row in first[1:]} - {first[0]["origin"]})}
        if first
        else None,
        "annotations": _annotations(connection, swhid.identifier),
        "license_decisions": decisions,
        "forge": _forge(connection, [row["origin"] for row in occurrences]),
        "opt_outs": opt_outs,
        "duplicate_pairs": pairs,
        "datasets": datasets,
        "dropped": dropped,
        "vulnerabilities": _vulnerabilities(connection, "anchor", [row["anchor"] for row in occurrences]),
        "mentions": _mentions(connection, [row["origin"] for row in occurrences]),
        "quarantine": _quarantine_of(connection, {row["origin"] for row in occurrences}, {row["path"] for row in occurrences}),
    }


def _container(connection: duckdb.DuckDBPyConnection, swhid: Swhid) -> Row:
    """A directory, revision, release or snapshot: what it is, and the origins it was seen in."""
    me, kind = [swhid.identifier], identity.KINDS[swhid.kind]
    found = _rows(connection, f"from {kind} where id = ?", [swhid.core])
    column = {"dir": "root", "snp": "snapshot"}.get(swhid.kind, "id")
    anchors = _rows(
        connection,
        f"""select origin, visit, slice, swhid(kind, id) as anchor, swhid('dir', root) as root, date
        from lake.anchor where {column} = ? order by date, origin, visit, anchor""",
        me,
    )
    parents = _rows(
        connection,
        """select swhid('dir', directory_id) as directory, from_utf8(name) as name
        from lake.directory_entry where target = ? order by all""",
        me if swhid.kind == "dir" else [b""],
    )
    return {
        "known": bool(found or anchors or parents),
        "object": found[0] if found else None,
        "anchors": anchors,
        "parents": parents,
        "vulnerabilities": _vulnerabilities(connection, "anchor", [swhid.core, *(row["anchor"] for row in anchors)]),
        "mentions": _mentions(connection, [row["origin"] for row in anchors]),
    }


def _annotations(connection: duckdb.DuckDBPyConnection, content: bytes) -> list[Row]:
    """What annotators say of a content, and of the paths it has."""
    rows = _rows(
        connection,
        """select annotator, from_utf8(name) as name, from_utf8(path) as path, value from lake.annotation
        where content = $1 or path in (select path from lake.occurrence where content = $1) order by annotator, name, path""",
        [content],
    )
    return [{key: value for key, value in row.items() if value is not None} | {"value": json.loads(row["value"])} for row in rows]


def _vulnerabilities(connection: duckdb.DuckDBPyConnection, column: str, values: Iterable[str]) -> list[Row]:
    """Known vulnerabilities of some origins, or of some releases and revisions."""
    return _rows(
        connection,
        f"""select id, aliases, severity, origin, anchor, version, state, rule, detail, fixed from vulnerability
        where list_contains(?, {column}) order by all""",
        [sorted(set(values))],
    )


def _forge(connection: duckdb.DuckDBPyConnection, origins: Iterable[str]) -> list[Row]:
    """The licence that the newest event of a forge shows of some origins."""
    return _rows(
        connection,
        """select origin, license, observed_at from repository
        where license is not null and list_has_any(visited, ?) order by all""",
        [sorted(set(origins))],
    )


def _mentions(connection: duckdb.DuckDBPyConnection, origins: Iterable[str]) -> list[Row]:
    """Papers that mention some origins, and by what rule they do."""
    return _rows(
        connection,
        """select paper, doi, title, name, versions, urls, origin, rule, confidence, document_used as used,
            document_created as created, document_shared as shared
        from mention where list_contains(?, origin) order by rule = 'name', doi, paper, number""",
        [sorted(set(origins))],
    )


def _quarantine_of(
    connection: duckdb.DuckDBPyConnection, origins: Iterable[str], paths: Iterable[str] | None = None
) -> list[Row]:
    """What was left out of some origins: all of it, or what was said of certain paths."""
    return _rows(
        connection,
        """select distinct quarantine.* from quarantine join (select unnest($1) as name) as origin
            on item = name or starts_with(item, name) and regexp_matches(item[len(name) + 1:], '^(==|@|#)')
        where $2 is null or list_contains($2, path) order by all""",
        [sorted({_item_name(origin) for origin in origins}), None if paths is None else sorted(paths)],
    )


def _item_name(origin: str) -> str:
    """What ``slice_input`` calls an origin, without a version: a package's name, a local path, or the URL."""
    if origin.startswith("pkg:"):
        return unquote(origin.partition("/")[2])
    return unquote(origin.removeprefix("file://")) if origin.startswith("file://") else origin


def _same_path(connection: duckdb.DuckDBPyConnection, path: Path) -> list[Row]:
    """Where the lake knows the path of a file that lies in a git repository whose origin it has."""
    path = path.absolute()
    repository = next((folder for folder in path.parents if git.is_repository(folder)), None)
    if repository is None:
        return []
    remote = git.setting(repository, "remote.origin.url")
    return _rows(
        connection,
        """select origin, visit, slice, swhid(kind, id) as anchor, from_utf8(path) as path, swhid('cnt', content) as content
        from lake.occurrence where list_contains(?, origin) and path = ? order by visit desc, origin""",
        [[repository.as_uri(), remote], os.fsencode(path.relative_to(repository))],
    )


def _origin_named(connection: duckdb.DuckDBPyConnection, target: str) -> str | None:
    """The origin that is called so, also as ``pypi:requests`` for ``pkg:pypi/requests``."""
    source, _, name = target.partition(":")
    names = [target, f"pkg:{source}/{name}", name]
    found = _rows(connection, "select url from lake.origin where list_contains(?, url)", [names])
    return found[0]["url"] if found else None


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any]) -> list[Row]:
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
