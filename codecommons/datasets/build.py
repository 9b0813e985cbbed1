# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The fifth stage: from a specification to a published release."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache, partial
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from codecommons.annotate import store
from codecommons.annotate.annotator import current
from codecommons.datasets import documents, redaction, releases, shards, staleness
from codecommons.datasets.attestation import attestation
from codecommons.datasets.attribution import attributions
from codecommons.datasets.candidates import trees
from codecommons.datasets.documents.figures import shard_bytes
from codecommons.datasets.fingerprint import canonical, digest
from codecommons.datasets.format import ShardFormat, format_for
from codecommons.datasets.inputs import BENCHMARKS, Inputs, resolve
from codecommons.datasets.losses import alarms
from codecommons.datasets.releases import Release
from codecommons.datasets.rows import swhids_of
from codecommons.datasets.selection import Selection, emptied, select
from codecommons.datasets.specification import Format, Specification, specification
from codecommons.engine import Engine
from codecommons.errors import LakeError
from codecommons.lake import Lake, close_stage
from codecommons.lake.stages import code_version
from codecommons.lake.storage import lake_errors
from codecommons.license import policy
from codecommons.license.evidence import contradicted
from codecommons.optout import ledger, merkle
from codecommons.optout.reach import resolve as reached
from codecommons.report import CheckResult, Measure, StageReport

STAGE = "training_shards"
CHECKS = {
    "files_conserved": "Every candidate is a row or was left out for a stated reason.",
    "not_empty": "There are rows; else the rule that emptied the dataset is named.",
    "bytes_rehash": "The bytes of every row re-hash to its SWHID and are text in their encoding.",
    "no_benchmark_item": "No row has an item of a benchmark that the specification names.",
    "nothing_left_to_redact": "In a sample of texts the rules find nothing that the specification wants replaced.",
    "opt_out_honoured": "No row is one that the opt-out ledger, or a marker in the code, leaves out.",
    "policy_honoured": "Every row has a verdict that is accepted and that its licence, and what it states itself, are worth.",
    "no_duplicates": "Every content, or change of one, is there once.",
    "shards_readable": "Every shard, read back as its format is, has the rows that were written.",
    "nothing_wiped_out": "No language, source or origin lost more to near-duplicates than the specification allows.",
    "counts_agree": "Shards, manifest, report and documents have the same number of rows.",
}
# What tells rows apart, by what a row is; of a discussion the content is its text.
_SAME = {"commits": ("content", "before_content")}


def build(lake: Lake, engine: Engine, name: str, asked: Specification | None = None) -> StageReport:
    """Build a dataset as of its day and publish it, unless the same was published before.

    Nothing is published when one of ``CHECKS`` fails. The rows, shards and dropped candidates of a release are written to the
    tables ``dataset_row``, ``shard``, ``dataset_drop`` and ``dataset``.

    Args:
        lake: the lake.
        engine: where shards are written.
        name: of a specification in the home's ``datasets`` folder.
        asked: what to build instead of what is written there: of a release whose files are damaged, its own specification.

    Returns:
        The report. ``details``: fingerprint, folder (below the lake's root), format, steps, languages, licenses, left_out,
            shards, shard_bytes (with what belongs to them); of a release that was not there before also shards_kept and
            selecting_seconds, what choosing its rows took of ``seconds``.

    Raises:
        UsageError: the specification is missing or wrong.
        GateError: no slice has come through the stages before.
        LakeError: the lake can't be read or written, or a slice changed meanwhile.
    """
    with Measure() as measured:
        asked = asked or specification(lake.settings, name)
        releases.fixed_bits(lake, name, asked.shard.bits)
        form = format_for(lake.settings, asked)
        inputs = resolve(lake, asked)
        asked = asked.at(inputs.as_of)
        selected = cache(partial(_selected, lake, engine, asked, inputs))
        supplies = form.supplies(lake, asked, inputs, lambda: selected()[0].rows)
        identity = {
            **inputs.to_mapping(),
            "specification": asked.to_mapping(),
            "code": code_version(),
            "writer": form.writer(),
            **({"supplies": {name: hashlib.sha256(data).hexdigest() for name, data in supplies.items()}} if supplies else {}),
        }
        inputs_digest = digest(identity)
        known = next((one for one in releases.list_releases(lake, name) if one.document["inputs_digest"] == inputs_digest), None)
        if known and releases.is_whole(lake, known) and _recorded(lake, known):
            report, checks = _published_before(lake, known, inputs)
        else:
            document = {"name": name, "format": 2, "inputs": identity, "inputs_digest": inputs_digest}
            selection, selecting = selected()
            report, checks = _build(lake, engine, asked, inputs, selection, form, supplies, document)
            report.details["selecting_seconds"] = round(selecting, 3)
    report.took(measured)
    return close_stage(lake, report, checks, input_digest=inputs_digest)


def _selected(lake: Lake, engine: Engine, asked: Specification, inputs: Inputs) -> tuple[Selection, float]:
    """The rows, and the seconds that choosing them took."""
    begun = time.perf_counter()
    return select(lake, engine, asked, inputs), time.perf_counter() - begun


def _build(
    lake: Lake,
    engine: Engine,
    asked: Specification,
    inputs: Inputs,
    selection: Selection,
    form: ShardFormat,
    supplies: Mapping[str, bytes],
    document: dict[str, Any],
) -> tuple[StageReport, list[CheckResult]]:
    with lake.staging(f"dataset-{asked.name}") as area:
        staged = lake.path(area.folder)
        earlier = releases.shards_before(lake, asked.name, form.endings(asked.format)[0])
        written = shards.write(lake, engine, asked, selection.rows, f"{staged}/data", earlier, supplies, inputs)
        columns = shards.manifest_schema(form, asked.format)
        table = pa.concat_tables([columns.empty_table(), *(one.manifest for one in written)])
        manifest = _write_manifest(lake, written, columns, f"{staged}/manifest.parquet")
        frame = pl.DataFrame(table)
        result = {
            "rows": table.num_rows,
            "text_bytes": sum(one.text_bytes for one in written),
            "shards": [
                {"name": one.name, "sha256": one.sha256, "rows": one.rows, "text_bytes": one.text_bytes, "bytes": one.file_bytes}
                | ({"beside": list(one.beside)} if one.beside else {})
                | ({"escaped": one.escaped} if one.escaped is not None else {})
                for one in written
            ],
            "manifest": manifest,
            "merkle": merkle.roots(swhids_of(frame), frame["origin"].to_list()),
        }
        result["digest"] = releases.result_digest(result)
        fingerprint = releases.fingerprint_of(document["inputs_digest"], str(result["digest"]))
        document |= {
            "fingerprint": fingerprint,
            "result": result,
            "candidates": {"rows": selection.rows_in, "bytes": selection.bytes_in},
            "steps": [asdict(step) for step in selection.steps],
            "redactions": redaction.counted(selection.rows),
        }
        report = _report(asked.name, inputs, document, frame)
        report.reused = sum(one.rows for one in written if one.kept)
        report.computed = table.num_rows - report.reused
        report.details["shards_kept"] = sum(one.kept for one in written)
        against = contradicted(lake, policy(lake.settings, asked.license.policy), frame)
        tested = _of_benchmarks(lake, asked, frame)
        # The ledger as it is now, which is not always what the selection saw.
        seen = trees(lake, inputs)
        excluded = reached(lake, ledger.read(lake).effective, seen)
        opted_out = staleness.opted_out(lake, excluded, seen, frame.select("swhid", *staleness.COLUMNS))
        attributed = attributions(lake, inputs, asked.redact, seen, excluded, frame)
        meanings = {name: one.description for name, one in current(lake.settings).items() if name in inputs.annotators}
        rules = {one.named(rule): rule.meaning for one in inputs.filters for rule in one.rules}
        facts = documents.Facts(document, frame, inputs.left_out, form, attributed, meanings, rules)
        # Of nothing there is nothing to tell, and it is not published.
        told = documents.write(lake, facts, staged) if frame.height else documents.Written({}, {})
        checks = _checks(report, asked, selection, frame, written, opted_out, against, tested, told.rows)
        if all(check.passed for check in checks):
            document["documents"] = told.sha256
            with lake_errors(f"writing to {staged}"):
                for name, content in {**supplies, releases.ATTESTATION: attestation(lake, document)}.items():
                    lake.fs.pipe_file(f"{staged}/{name}", content)
            if resolve(lake, asked).to_mapping() != inputs.to_mapping():
                raise LakeError(
                    f"a slice that dataset {asked.name} is made from, or the opt-out ledger, has changed while it was built; "
                    "build it again"
                )
            _write_tables(lake, asked, document, table, selection.drops)
            releases.publish(lake, document, staged, [*releases.files_of(document), releases.ATTESTATION])
    return report, checks


def _recorded(lake: Lake, one: Release) -> bool:
    """Whether the tables have the release, too; its row of ``dataset`` is the last."""
    mine = (pl.col("dataset") == one.name) & (pl.col("fingerprint") == one.fingerprint)
    return bool(lake.scan("dataset").filter(mine).select(pl.len()).collect().item())


def _published_before(lake: Lake, known: Release, inputs: Inputs) -> tuple[StageReport, list[CheckResult]]:
    frame = releases.manifest_of(lake, known, "language", "license", "origin", "length")
    report = _report(known.name, inputs, known.document, frame)
    report.reused = report.rows_kept
    before = [one for one in lake.reports() if (one.stage, one.slice, one.source) == (STAGE, inputs.as_of, known.name)]
    report.seconds_saved = max((max(one.seconds, one.seconds_saved) for one in before), default=0.0)
    said = f"published before as {known.folder}, from the same inputs; all its files are there"
    return report, [CheckResult(name, True, said) for name in CHECKS]


def _report(name: str, inputs: Inputs, document: dict[str, Any], manifest: pl.DataFrame) -> StageReport:
    result, candidates = document["result"], document["candidates"]
    report = StageReport(
        STAGE,
        inputs.as_of,
        name,
        rows_in=candidates["rows"],
        bytes_in=candidates["bytes"],
        rows_kept=result["rows"],
        bytes_kept=result["text_bytes"],
    )
    for step in document["steps"]:
        report.drop(step["rule"], step["rows"], step["bytes"])
    report.details = {
        "fingerprint": document["fingerprint"],
        "folder": releases.folder(name, document["fingerprint"]),
        "shards": len(result["shards"]),
        "shard_bytes": shard_bytes(document),
        "format": document["inputs"]["specification"].get("format", {}).get("kind", Format.kind),
        "steps": document["steps"],
        "languages": documents.rollup(manifest, "language", 20),
        "licenses": documents.rollup(manifest, "license", 20),
        "left_out": list(inputs.left_out),
    }
    return report


def _write_manifest(lake: Lake, written: Sequence[shards.Shard], columns: pa.Schema, target: str) -> dict[str, Any]:
    with lake_errors(f"writing {target}"), lake.scratch_file() as file:
        with pq.ParquetWriter(file, columns, **shards.MANIFEST_WRITER) as writer:
            for one in written:
                writer.write_table(one.manifest, row_group_size=1 << 16)
        sha256, size = shards.sealed(file)
        shards.put(lake, file, target)
    return {"sha256": sha256, "bytes": size}


def _write_tables(lake: Lake, asked: Specification, document: dict[str, Any], manifest: pa.Table, drops: pl.DataFrame) -> None:
    fingerprint, result = document["fingerprint"], document["result"]
    one = {
        "specification": canonical(asked.to_mapping()),
        "as_of": asked.as_of,
        "rows": result["rows"],
        "bytes": result["text_bytes"],
        "shards": len(result["shards"]),
    }
    files = [
        {"shard": shard["name"], "sha256": shard["sha256"], "rows": shard["rows"], "bytes": shard["bytes"]}
        for shard in result["shards"]
    ]
    lake.replace_release("dataset_row", asked.name, fingerprint, manifest)
    lake.replace_release("dataset_drop", asked.name, fingerprint, drops.to_arrow())
    lake.replace_release("shard", asked.name, fingerprint, pa.Table.from_pylist(files))
    lake.replace_release("dataset", asked.name, fingerprint, pa.Table.from_pylist([one]))


def _of_benchmarks(lake: Lake, asked: Specification, manifest: pl.DataFrame) -> list[str]:
    """SWHIDs of rows whose content has an item that the specification wants left out, by the annotator's table as it is now."""
    wanted = asked.decontaminate
    if not wanted.benchmarks:
        return []
    said = store.rows(lake, current(lake.settings)[BENCHMARKS]).select("content", "items")
    having = said.explode("items", empty_as_null=False, keep_nulls=False).unnest("items")
    having = having.filter(pl.col("benchmark").is_in(list(wanted.benchmarks)), pl.col("share") >= wanted.share)
    both = pl.concat([manifest.select("swhid", "content"), manifest.select("swhid", content="before_content")])
    return both.lazy().join(having, on="content", how="semi").collect()["swhid"].unique().sort().to_list()


def _checks(
    report: StageReport,
    asked: Specification,
    selection: Selection,
    manifest: pl.DataFrame,
    written: Sequence[shards.Shard],
    opted_out: pl.DataFrame,
    against: Sequence[str],
    tested: Sequence[str],
    told: Mapping[str, int | None],
) -> list[CheckResult]:
    again = f"`codecommons dataset build {asked.name}`"
    dropped = selection.drops.height
    damaged = [swhid for one in written for swhid in one.damaged]
    revealing = [swhid for one in written for swhid in one.revealing]
    unreadable = [what for one in written for what in one.unreadable]
    refused = manifest.filter(~pl.col("license_type").is_in(asked.license.accept).fill_null(False))
    repeated = manifest.height - manifest.select(_SAME.get(asked.rows, ("content",))).n_unique()
    counted = sum(one.rows for one in written)
    lost = alarms(asked.deduplicate, selection.lost)
    other = [name for name, rows in told.items() if rows != manifest.height]
    results = {
        "files_conserved": (
            report.conserved and report.rows_in == manifest.height + dropped,
            f"{report.rows_in} candidates = {manifest.height} rows + {dropped} left out for a stated reason",
        ),
        "not_empty": (
            manifest.height > 0,
            emptied(asked.rows, selection.steps, selection.rows_in)
            or f"{selection.rows.height} of {selection.rows_in} candidates are rows",
        ),
        "bytes_rehash": (
            not damaged,
            f"all {manifest.height} rows re-hash to their SWHID and are text in their encoding"
            if not damaged
            else f"{len(damaged)} rows do not, such as {damaged[0]}; `codecommons explain` tells where it is from; then {again}",
        ),
        "no_benchmark_item": (
            not tested,
            f"{len(tested)} rows have, such as {tested[0]}; this is a defect: report it"
            if tested
            else ("no row has one" if asked.decontaminate.benchmarks else "the specification names no benchmark"),
        ),
        "nothing_left_to_redact": (
            not revealing,
            f"{len(revealing)} rows have something, such as {revealing[0]}; leave it out by `where`, and report it"
            if revealing
            else ("nothing was found" if asked.redact.confidences else "the specification wants nothing replaced"),
        ),
        "opt_out_honoured": (
            not opted_out.height,
            "no row is opted out"
            if not opted_out.height
            else f"{opted_out.height} rows are, such as {opted_out['swhid'][0]} by {opted_out['opt_out'][0]}; then {again}",
        ),
        "policy_honoured": (
            not refused.height and not against,
            f"every row is {' or '.join(asked.license.accept)} under {asked.license.policy}, by its licence and what it states"
            if not refused.height and not against
            else f"{max(refused.height, len(against))} rows are not, such as {[*against, *refused['swhid']][0]}; "
            "this is a defect: report it",
        ),
        "no_duplicates": (
            not repeated,
            "every content is there once" if not repeated else f"{repeated} rows repeat a content; this is a defect: report it",
        ),
        "shards_readable": (
            not unreadable,
            f"all {len(written)} shards were read back"
            if not unreadable
            else f"{unreadable[0]}; is the disk sound? Then {again}",
        ),
        "nothing_wiped_out": (
            not lost,
            f"{lost[0]}{f', and so do {len(lost) - 1} other groups' * (len(lost) > 1)}; `codecommons dataset plan {asked.name}` "
            "names them all, view duplicate_pair has the pairs; if they are copies, allow more under deduplicate: most_lost"
            if lost
            else "no language, source or origin lost more to near-duplicates than is allowed",
        ),
        "counts_agree": (
            counted == manifest.height == report.rows_kept and not other,
            f"rows in shards {counted}, in the manifest {manifest.height}, in the report {report.rows_kept}, "
            + (f"in {other[0]} {told[other[0]]}; this is a defect: report it" if other else f"in {len(told)} documents as many"),
        ),
    }
    return [CheckResult(name, *results[name]) for name in CHECKS]
