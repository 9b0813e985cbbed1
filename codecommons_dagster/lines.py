# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How the command line says things: one line each, for people. What programs read is JSON and isn't made here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from codecommons.drawing import size

if TYPE_CHECKING:
    from codecommons.costs import Estimate
    from codecommons.datasets import Difference, Moved, Plan, Release, Reproduction
    from codecommons.lake import Lake
    from codecommons.lake.garbage import Garbage
    from codecommons.optout.check import Receipt
    from codecommons.optout.reach import Copy
    from codecommons.optout.standing import Standing
    from codecommons.optout.takedown.covered import Covered
    from codecommons.report import StageReport
    from codecommons.upkeep import Backup, Verified


# Rows of a difference that are named.
_SHOWN = 10
# Contents that a takedown is about, and such as stay.
_LISTED = 20
# Characters of a licence at the head of a column.
_COLUMN = 16


def of_report(report: StageReport) -> str:
    """What a stage did for a slice and source."""
    left = ", ".join(f"{count.rows:,} {reason}" for reason, count in sorted(report.dropped.items()))
    return (
        f"{report.slice} {report.source:6} {report.stage:18} {report.rows_kept:,} of {report.rows_in:,} {report.unit}"
        f" ({size(report.bytes_kept)}) in {report.seconds:.1f} s; {report.computed:,} computed, {report.reused:,} found done"
        f"{f'; left out {left}' if left else ''}"
    )


def of_estimate(found: Estimate) -> Iterator[str]:
    """What bringing days in will take: a line a stage, and the sum."""
    yield f"days: {found.days:,}, items: {found.items:,}, not brought in yet: {found.open:,}"
    if not found.open:
        return
    for name, one in [*found.stages.items(), ("together", found.total)]:
        took = f"{one.seconds:>9,.0f} s  {one.cpu_seconds:>9,.0f} CPU s  {size(one.stored_bytes):>9}"
        yield f"  {name:18} {took}  costs {one.cost:,.4f}, and {one.cost_a_month:,.4f} a month"
    yield f"going by {found.basis:,} items of the same sources in other slices"
    if found.unknown:
        yield f"not in it, as nothing of theirs was ever brought in: {', '.join(found.unknown)}"


def of_standing(one: Standing, applied: Sequence[str] = ()) -> str:
    """Where an opt-out request stands."""
    about = one.request.values[0] if one.request.within is None else f"{one.request.within} {one.request.values[0]}"
    more = f" and {len(one.request.values) - 1} more" if len(one.request.values) > 1 else ""
    where = f"; applied in {', '.join(applied)}" if applied else ""
    return f"{one.id}  {one.state:11} {one.rung:9} {one.request.scope:9} {about}{more}: {one.why}{where}"


def _shown(path: str) -> str:
    """A path on one line of a terminal: whoever named a file may have put anything into its name."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path)


def of_copy(one: Copy) -> str:
    """A copy beyond what was asked, for review."""
    what = "the same" if one.kind == "same" else f"{one.similarity:.2f} similar to {one.content}"
    return f"  review  {one.other} at {one.origin} {_shown(f'/{one.path}')}: {what}"


def of_covered(found: Covered, alike: Sequence[str]) -> Iterator[str]:
    """What a takedown is about: the first contents, how many there are, and what is nearly the same and stays."""
    yield from found.swhids[:_LISTED]
    more = f"; {found.elsewhere:,} more are elsewhere, too, and stay" if found.elsewhere else ""
    yield f"{len(found.swhids):,} contents{more}"
    if alike:
        yield f"nearly the same are {len(alike):,} more, which stay unless you name them, and which nobody can find afterwards:"
        yield from (f"  {swhid}" for swhid in alike[:_LISTED])


def of_takedowns(done: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What takedowns (their fields) erased, place by place, which shards went, and what can't be erased from here."""
    for one in done:
        yield f"{one['id']}  erased: {one['contents']:,} contents, of which the lake had the bytes of {one['held']:,}"
        for place, some in sorted(one["erased"].items()):
            if some["rows"] or some["files"]:
                yield f"  {place}  {some['rows']:,} rows, {some['files']:,} files, {size(some['bytes'])}"
        for shard in one["shards"]:
            folder = "" if shard["shard"] in ("NOTICE", "tokenizer.json") else "data/"
            yield f"  deleted  {shard['release']}/{folder}{shard['shard']}; the manifest stays"
        yield from (f"  not erased: {what}" for what in one["left"])


def of_receipt(found: Receipt) -> Iterator[str]:
    """What a receipt shows, or what is wrong with it."""
    if found.problems:
        yield from (f"refused: {problem}" for problem in found.problems)
        return
    said = found.statement["predicate"]
    asked = said["request"]
    yield f"holds: request {asked['id']}, received {asked['received']}, {said['contents']:,} contents concerned"
    for release in said["releases"]:
        gone = ", ".join(f"{len(proofs):,} {kind}" for kind, proofs in sorted(release["absent"].items()))
        left = f"; {len(release['elsewhere']):,} contents are in it from elsewhere" if release["elsewhere"] else ""
        yield f"  {release['name']} ({release['as_of']}): shown to be absent are {gone}{left}"
    yield from (f"  {name}: made before the request took effect" for name in said["releases_before"])


def of_followed(one: dict[str, Any]) -> str:
    """What following a source came to (the fields of a ``FollowReport``)."""
    taken = ", ".join(f"{count:,} for {slice_}" for slice_, count in sorted(one["taken"].items()))
    counts = f"{one['listed']:,} listed, {one['new']:,} new, {taken or 'none'} taken, {one['waiting']:,} waiting"
    said = [f"{one['name']} ({one['lister']}): {counts}"]
    if not one["taken"]:
        said += [f"  new  {example}" for example in one["examples"]]
    said += [f"  left out  {problem}" for problem in one["problems"]]
    return "\n".join([*said, *([f"  stopped: {one['error']}"] if one["error"] else [])])


def of_plan(planned: Plan) -> Iterator[str]:
    """What a dataset would be: totals, then what each rule leaves out, then its languages, licences and origins."""
    what = planned.called
    yield (
        f"{planned.name} as of {planned.as_of}: {planned.rows:,} of {planned.candidates:,} {what}, {size(planned.bytes)},"
        f" about {planned.tokens:,} tokens, {planned.shards} shards"
    )
    ahead = planned.predicted
    yield f"building takes about {ahead.seconds:,.0f} s and {size(ahead.bytes)} of disk, going by {ahead.basis}"
    steps = [step for step in planned.steps if step.rows]
    width = max((len(step.rule) for step in steps), default=0)
    for step in steps:
        most = "  <- most" if step.rule == planned.removed_most else ""
        yield f"  {step.rule:{width}} leaves out {step.rows:>9,} {what}, {size(step.bytes):>10}; {step.left:>9,} stay{most}"
    asked = planned.opt_outs
    yield f"opt-outs: {asked.requests:,} requests in effect (ledger {asked.head[:12]}), {asked.rows:,} {what} left out"
    for title, rows in (("languages", planned.languages), ("licences", planned.licenses), ("origins", planned.origins)):
        yield f"{title}: " + ", ".join(f"{row['value'] or 'none'} {row['rows']:,} ({size(row['bytes'])})" for row in rows[:8])
    yield from _of_table(planned.language_by_license, what)
    for one in planned.samples:
        yield f"such as {_shown(one.path)}, {one.license}, of {one.origin}\n  {one.swhid}"
    if planned.left_out:
        yield f"left out, as they have not come through: {', '.join(planned.left_out)}; `codecommons status` says why"
    yield from (f"this would not be published: {alarm}" for alarm in planned.alarms)


def _of_table(table: Sequence[dict[str, Any]], what: str) -> Iterator[str]:
    """Rows by language and licence: a line a language, under a line of licences; what is too long for a column is cut."""
    if not table:
        return
    names = list(table[0]["licenses"])
    rows = [[what, *(name if len(name) <= _COLUMN else f"{name[: _COLUMN - 1]}…" for name in names)]]
    rows += [[one["language"], *(f"{one['licenses'][name] or '.':>1}" for name in names)] for one in table]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([f"  {first:{widths[0]}}", *cells])


def of_difference(found: Difference, first: Release, second: Release) -> Iterator[str]:
    """What came and went between two releases: a line a rule, then some rows of each."""
    names = [f"{one.name} {one.fingerprint[:12]}" for one in (first, second)]
    yield f"{names[0]} to {names[1]}: {found.stayed:,} rows in both, {len(found.came):,} came, {len(found.went):,} went"
    for sign, rows, where in (("+", found.came, names[0]), ("-", found.went, names[1])):
        for rule, count in Counter(row.rule for row in rows).most_common():
            why = f"are no candidates of {where}" if rule == "not_there" else f"are left out of {where} by {rule}"
            yield f"{sign} {count:>9,} rows {why}"
        yield from (f"  {sign} {row.swhid}{_because(row)}" for row in rows[:_SHOWN])


def of_reproduction(found: Reproduction) -> Iterator[str]:
    """What came of making a release again."""
    for row in found.withdrawn:
        yield f"withdrawn: {row.swhid}{_because(row)}"
    for row in found.elected:
        yield f"elected anew: {row.swhid} ({row.rule})"
    for file in found.told:
        yield f"the same rows, which tell something else of a copy or of their tree, of which a file was withdrawn: {file}"
    yield from (f"differs: {problem}" for problem in found.problems)
    same = not (found.withdrawn or found.elected or found.told or found.problems)
    what = "byte for byte the same" if same else f"{len(found.withdrawn):,} rows withdrawn, {len(found.elected):,} elected anew"
    yield f"{found.name} {found.fingerprint[:12]}: {found.rows:,} rows, {what}, {len(found.problems) or 'no'} problems"


def _because(row: Moved) -> str:
    return f"  {'; '.join(row.evidence)}" if row.evidence else ""


def of_release(release: Release, lake: Lake) -> str:
    """A published release and where it is."""
    document = release.document
    return (
        f"{release.name}  {release.fingerprint[:12]}  as of {document['inputs']['as_of']}  {document['result']['rows']:,} rows"
        f" in {len(release.shards)} shards  {lake.storage.uri(release.folder)}"
    )


def of_garbage(found: Sequence[Garbage], dry_run: bool) -> Iterator[str]:
    """What can go or has gone: staging folders one by one, data files table by table, then the sum."""
    places: dict[str, list[Garbage]] = {}
    for one in found:
        places.setdefault(one.path if one.path.startswith("_staging/") else one.path.partition("/")[0], []).append(one)
    for place, some in places.items():
        yield f"{place}  {sum(one.files for one in some):,} files, {size(sum(one.bytes for one in some))}"
    if found:
        yield f"{'could be freed' if dry_run else 'freed'}: {size(sum(one.bytes for one in found))}"
    else:
        yield "nothing to free"


def of_verified(found: Verified) -> Iterator[str]:
    """What a verification of the lake found: a line a fault with the command that puts it right, then what was looked at."""
    for fault in found.faults:
        yield f"wrong   {fault.what}"
        yield f"        next: {fault.next}"
    yield from (f"remark  {remark}" for remark in found.remarks)
    looked = f"{found.tables} tables, {found.files:,} files ({size(found.bytes)} read), {found.contents:,} contents and"
    looked += f" {found.directories:,} directories hashed, {found.references} references, {found.releases} releases"
    yield f"{looked}: {f'{len(found.faults):,} faults' if found.faults else 'all is whole'}"


def of_repaired(done: Mapping[str, Any]) -> Iterator[str]:
    """What a repair did (the fields of a ``Repaired``)."""
    yield from (f"found   {fault['what']}" for fault in done["found"])
    for table, files in done["taken"].items():
        yield f"taken   {f'{files:,} files' if files >= 0 else 'all'} of table {table}"
    for what in ("slices", "releases"):
        for name, said in done[what].items():
            yield f"made    {name}" if said == "passed" else f"failed  {name}: {said}"
    for fault in done["left"]:
        yield f"left    {fault['what']}; nobody can make that again: `codecommons lake restore` brings it back from a backup"
    if not done["found"] and not done["slices"]:
        yield "nothing to repair"


def of_backup(one: Backup) -> str:
    """A backup, or what was restored from one."""
    return f"{one.name}  {one.files:,} files, {size(one.bytes)}; {one.copied:,} copied, {size(one.copied_bytes)}  {one.where}"


def of_annotations(row: dict[str, Any]) -> str:
    """What annotators made of a file, or of a whole folder."""
    path = _shown(row["path"])
    if "swhid" not in row:
        return f"{path}\t{', '.join([*row['annotations'], *(f'{name} failed' for name in row['errors'])])}"
    if "content" in row["errors"]:
        return f"{row['swhid']}\t{path}\t{row['errors']['content']}"
    flags = [flag for flag in ("generated", "vendored", "documentation", "test") if row.get(flag)]
    said = [row.get("language") or "no language", row.get("license") or "no licence", row.get("encoding") or "binary", *flags]
    return f"{row['swhid']}\t{path}\t{', '.join(said)}"
