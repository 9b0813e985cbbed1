# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the environment says is understood or refused before anything is made."""

import os

import pytest

from codecommons.errors import UsageError
from codecommons.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CODECOMMONS_BUCKET_BITS", "99", "a whole number, not negative and at most 16"),
        ("CODECOMMONS_WORKERS", "-1", "a whole number, not negative"),
        ("CODECOMMONS_BATCH_BYTES", "16 MB", "a whole number, 1 or more"),
        ("CODECOMMONS_BATCH_BYTES", "0", "a whole number, 1 or more"),
        ("CODECOMMONS_MAX_CONTENT_BYTES", str(1 << 31), f"not negative and at most {1 << 30}"),
        ("CODECOMMONS_CORE_HOUR", "4 cents", "it must be a price such as 0.04"),
        ("CODECOMMONS_CORE_HOUR", "-1", "it must be a price such as 0.04"),
        ("CODECOMMONS_CORE_HOUR", "nan", "it must be a price such as 0.04"),
        ("CODECOMMONS_GIGABYTE_MONTH", "9" * 400, "it must be a price such as 0.04"),
        ("CODECOMMONS_KEEP_RUNS", "9" * 5000, "a whole number, not negative and at most 36500"),
        ("CODECOMMONS_KEEP_RUNS", "999999999999", "a whole number, not negative and at most 36500"),
        ("CODECOMMONS_LAKE", "gs://bucket/lake", "it must be a folder or s3://BUCKET/PREFIX"),
        ("CODECOMMONS_LAKE", "s3://", "it must be a folder or s3://BUCKET/PREFIX"),
        ("CODECOMMONS_LAKE", "s3:///lake", "it must be a folder or s3://BUCKET/PREFIX"),
        ("CODECOMMONS_LAKE", "s3://Bad_Bucket!/lake", "a bucket being named by letters, digits, dots, dashes and underscores"),
        ("CODECOMMONS_PLUGINS", "/nonexistent/plugins", "/nonexistent/plugins, which is no folder"),
        ("CODECOMMONS_FIRST_DAY", "January", "it must be a day such as 2025-01-31"),
        ("CODECOMMONS_ENVIRONMENT", "prod", "it must be one of production, staging, development"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_variable_is_named(tmp_path, name, value, said):
    with pytest.raises(UsageError, match=name) as refused:
        Settings.from_environment({"CODECOMMONS_HOME": str(tmp_path / "home"), name: value})
    assert said in str(refused.value)
    assert not (tmp_path / "home").exists()


def test_what_settings_print_as_holds_no_credential():
    secret = "a-secret-that-nobody-may-see"
    names = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "CODECOMMONS_SMTP_PASSWORD", "CODECOMMONS_ALERT_SLACK")
    settings = Settings.from_environment({"CODECOMMONS_LAKE": "s3://lake", **dict.fromkeys(names, secret)})
    assert secret in str((settings.storage_options, settings.export_options, settings.alert_options))
    assert secret not in repr(settings)


def test_a_variable_that_a_file_leaves_empty_is_none_to_those_who_read_it_themselves(monkeypatch, tmp_path):
    """`deploy/environment.example` names them all; delta-rs breaks down over an endpoint that is empty."""
    given = {"AWS_ENDPOINT_URL": "", "AWS_SESSION_TOKEN": "", "AWS_REGION": "eu-west-1", "CODECOMMONS_LAKE": "s3://bucket/lake"}
    for name, value in {**given, "CODECOMMONS_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    assert dict(Settings.from_environment().storage_options)["AWS_REGION"] == "eu-west-1"
    assert {name for name in given if name in os.environ} == {"AWS_REGION", "CODECOMMONS_LAKE"}
