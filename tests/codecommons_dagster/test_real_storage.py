# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The whole pipeline on a server that speaks S3: the same rows and shards as on a folder, and no credential left anywhere."""

from __future__ import annotations

import dataclasses
import os
import socket

import polars as pl
import pytest
from deltalake import DeltaTable

from codecommons.annotate import annotate_slice
from codecommons.archive import add_inputs, ingest_slice
from codecommons.datasets import build
from codecommons.dedup import compare_slice
from codecommons.engine.local import InlineEngine
from codecommons.lake import Lake
from codecommons.license import qualify_slice
from codecommons.report import STAGES
from codecommons.settings import Settings
from codecommons_dagster.instance import instance, run_job

DAY = "2026-01-31"
BODY = "\n".join(f"def function_{n}(left, right):\n    return left * {n} + right" for n in range(60))
# What must be written nowhere, under the names that it comes by.
MARKERS = {
    "AWS_ACCESS_KEY_ID": "AKIAmarkerOfTheKeyId",
    "AWS_SECRET_ACCESS_KEY": "marker-of-the-secret-access-key",
    "AWS_SESSION_TOKEN": "marker-of-the-session-token",
    "CODECOMMONS_SMTP_PASSWORD": "marker-of-the-mail-password",
    "CODECOMMONS_ALERT_SLACK": "http://127.0.0.1:9/marker-of-the-webhook",
    "DAGSTER_POSTGRES_PASSWORD": "marker-of-the-database-password",
    "GITLAB_TOKEN": "marker-of-the-forge-token",
}
# How often and how fast is no data.
WORK = ("stage_report",)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "src").mkdir()
    for name, text in {
        "one.py": BODY,
        "again.py": BODY,
        "similar.py": f"{BODY}\n\n\ndef last():\n    return None",
        "other.py": "name = 'another one'",
    }.items():
        (folder / "src" / name).write_text(f"# SPDX-License-Identifier: MIT\n{text}\n")
    (folder / "src" / "copyleft.py").write_text("# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n")
    return folder


@pytest.fixture(scope="module")
def local(project, tmp_path_factory):
    """All five stages on a folder, by the library alone."""
    home = tmp_path_factory.mktemp("local")
    lake, engine = Lake.open(prepared(Settings(home=home, lake=str(home / "lake"), workers=0, bucket_bits=0))), InlineEngine()
    add_inputs(lake, [f"path:{project}"], DAY)
    for stage in (ingest_slice, annotate_slice, qualify_slice, compare_slice):
        stage(lake, engine, DAY, "path")
    report = build(lake, engine, "all")
    assert not [check.description for check in report.checks if not check.passed]
    return lake


def prepared(settings):
    (settings.home / "datasets").mkdir(parents=True)
    (settings.home / "datasets" / "all.yaml").write_text("{}")
    return settings


@pytest.fixture(scope="module")
def remote(project, tmp_path_factory):
    """The same on S3, as recorded runs, with credentials in the environment."""
    import s3fs
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    home, bucket, endpoint = tmp_path_factory.mktemp("remote"), f"lake-{port}", f"http://127.0.0.1:{port}"
    variables = {
        **MARKERS,
        "CODECOMMONS_HOME": str(home),
        "CODECOMMONS_LAKE": f"s3://{bucket}/prefix",
        "CODECOMMONS_WORKERS": "0",
        "CODECOMMONS_BUCKET_BITS": "0",
        "AWS_ENDPOINT_URL": endpoint,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem(endpoint_url=endpoint).mkdir(bucket)
        settings = prepared(Settings.from_environment())
        lake = Lake.open(settings)
        add_inputs(lake, [f"path:{project}"], DAY)
        done = [run_job(settings, "ingest", DAY), run_job(settings, "dataset", "all"), run_job(settings, "watch")]
        assert [run.failures for run in done] == [(), (), ()]
        yield lake
        server.stop()


def rows(lake):
    """Every table that is there, sorted."""
    found = {}
    for name in sorted({table.name for table in lake.stored()} - set(WORK)):
        read = DeltaTable(lake.storage.uri(name), storage_options=lake.storage.options).to_pyarrow_table()
        frame = pl.DataFrame(read)
        found[name] = frame.sort([column for column, kind in frame.schema.items() if not kind.is_nested()])
    return found


def release(lake):
    """Everything that identifies a release or is trained on: path -> bytes."""
    root = lake.path("datasets/all")
    files = [path for path in lake.fs.find(root) if "/data/" in path or path.endswith(("manifest.parquet", "fingerprint.json"))]
    return {path.partition("datasets/all")[2]: lake.fs.cat_file(path) for path in files}


def test_every_table_has_the_same_rows_on_s3_as_on_a_folder(local, remote):
    here, there = rows(local), rows(remote)
    assert set(here) == set(there)
    assert [name for name in here if not here[name].equals(there[name])] == []
    assert {report.stage for report in remote.reports()} == set(STAGES)
    assert here["content"].height == 4


def test_shards_manifest_and_fingerprint_are_byte_for_byte_the_same(local, remote):
    here, there = release(local), release(remote)
    assert here == there
    assert any("/data/" in path for path in here)


def test_no_credential_is_in_tables_releases_runs_or_logs_even_when_a_run_fails(remote, monkeypatch, capfd):
    hidden = [value.encode() for value in MARKERS.values()]
    kept = {path: remote.fs.cat_file(path) for path in remote.fs.find(remote.path())}
    assert [path for path, data in kept.items() if any(value in data for value in hidden)] == []
    # Parquet is compressed: what is in it is looked at as text.
    for name, frame in rows(remote).items():
        assert not any(value.decode() in str(frame.to_dicts()) for value in hidden), name
    assert not any(value.decode() in str(vars(report)) for value in hidden for report in remote.reports())

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{probe.getsockname()[1]}")
        failed = run_job(Settings.from_environment(), "dataset", "all")
    assert failed.failures
    assert "AWS_ENDPOINT_URL" in str(failed.failures), "it says what to look at"
    files = [path for path in remote.settings.home.rglob("*") if path.is_file()]
    assert [path for path in files if any(value in path.read_bytes() for value in hidden)] == []
    with instance(remote.settings) as recorder:
        told = str([recorder.all_logs(record.dagster_run.run_id) for record in recorder.get_run_records()])
        told += str(recorder.get_run_records())
    printed = "".join(capfd.readouterr())
    assert not [value for value in hidden if value.decode() in told + printed + str(failed.failures)]
    assert len(files) > 10
    assert os.environ["AWS_SECRET_ACCESS_KEY"].encode() in hidden, "it was there to be seen"


def test_a_lake_that_cant_be_reached_is_told_as_something_that_may_pass(remote):
    from codecommons.errors import UnreachableError

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        options = {**dict(remote.settings.storage_options), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{probe.getsockname()[1]}"}
        with pytest.raises(UnreachableError):
            Lake.open(dataclasses.replace(remote.settings, storage_options=tuple(sorted(options.items()))))
