# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The one place that reads the environment.

Everything a user has lives under ``CODECOMMONS_HOME``; the lake alone can move to an S3 endpoint with ``CODECOMMONS_LAKE``.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codecommons.errors import UsageError

# What S3's own clients take for the name of a bucket.
BUCKET = re.compile(r"[\w.-]{1,255}|arn:.+", re.ASCII)
# What a lake is for, which decides what happens in it by itself (``codecommons_dagster.environments``).
ENVIRONMENTS = ("production", "staging", "development")


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """What a process needs to know about its surroundings.

    Attributes:
        home: folder of the lake, the Dagster instance, caches and the user's own policies and datasets.
        lake: where the tables are, a local folder or ``s3://bucket/prefix``.
        workers: worker processes of the local engine; 0 runs tasks in the calling process.
        ray: address of the Ray cluster that tasks run on; empty for the local engine.
        first_day: first slice of the lake, UTC.
        bucket_bits: ``k``: content-scoped tables of a new local lake have 2**k buckets.
        batch_bytes: bytes of file content that a task holds at once.
        max_content_bytes: a larger file becomes a ``skipped_content`` row.
        max_archive_bytes: unpacked bytes at which one archive counts as a bomb.
        max_archive_ratio: unpacked to packed ratio at which one archive counts as a bomb.
        max_archive_members: members at which one archive counts as a bomb.
        plugins: folders holding users' own annotators, sources and formats (Python files), searched after ours.
        storage_options: credentials and endpoint for an S3 lake, in delta-rs' names.
        export_options: the same for what is read from S3, wherever the lake is; empty for anonymous access to AWS.
        annotators: names of annotators that are off unless they are named.
        yara: the user's YARA rule files; none switches their annotator off.
        benchmarks: the user's benchmarks for models, a JSON object a line; likewise.
        tokenizers: the user's tokenizers, files as the ``tokenizers`` library writes them.
        scancode: the Python of an environment that has ScanCode; None switches its annotator off.
        commits: 1 looks at what the commits of a history changed, for datasets of commits; 0 does not.
        signing_key: the PEM file of the Ed25519 key that receipts are signed with; None for one of the home's own.
        near_duplicates: by which configuration texts are compared, see ``dedup.configuration``.
        repository: URL under which the files of this repository can be read, which the UI links to; empty where there is none.
        core_hour: price of an hour of one core, in whatever money; ``gigabyte_month`` of 10^9 bytes kept for a month.
        gharchive: where GH Archive's hours are, a folder or the URL of one; empty when nobody has said.
        keep_runs: days for which Dagster's runs are remembered.
        environment: one of ``ENVIRONMENTS``.
        alert_options: where alerts go, see ``codecommons.alerts``; may hold passwords.
        pinned: annotator -> digest of its rows that count, where they are not those of this installation: what a release pins.
    """

    home: Path
    lake: str
    workers: int = field(default_factory=_usable_cores)
    first_day: dt.date = dt.date(2025, 1, 1)
    bucket_bits: int = 2
    batch_bytes: int = 16 << 20
    max_content_bytes: int = 100 << 20
    max_archive_bytes: int = 8 << 30
    max_archive_ratio: int = 200
    max_archive_members: int = 1_000_000
    plugins: tuple[Path, ...] = ()
    annotators: tuple[str, ...] = ()
    yara: tuple[Path, ...] = ()
    benchmarks: tuple[Path, ...] = ()
    tokenizers: tuple[Path, ...] = ()
    scancode: Path | None = None
    commits: int = 0
    signing_key: Path | None = None
    near_duplicates: str = "words"
    storage_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    gharchive: str = ""
    ray: str = ""
    repository: str = ""
    core_hour: float = 0.04
    gigabyte_month: float = 0.02
    export_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    keep_runs: int = 90
    environment: str = ENVIRONMENTS[0]
    alert_options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    pinned: tuple[tuple[str, str], ...] = ()

    @property
    def cache(self) -> Path:
        """Downloaded archives, by sha256. Safe to delete."""
        return self.home / "cache"

    @property
    def sql_memory(self) -> str:
        """What a DuckDB connection over tables of the lake may use, as DuckDB reads it: 1 GB, or 64 batches if that is more."""
        return f"{max(1_000, (64 * self.batch_bytes) >> 20)}MB"

    @property
    def dagster_home(self) -> Path:
        """The persistent Dagster instance."""
        return self.home / "dagster"

    @property
    def opt_out(self) -> Path:
        """What of opting out is not for the lake: who asks, what was seen of the ledger, and requests that wait to be read."""
        return self.home / "opt-out"

    @property
    def catalogue(self) -> Path:
        """The DuckDB file of views and marts: rebuildable, never the truth."""
        return self.home / "catalogue.duckdb"

    @property
    def marts(self) -> Path:
        """What dbt builds on top of the views, one Parquet file a mart. Rebuildable."""
        return self.home / "marts"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read ``CODECOMMONS_*`` and, for an S3 lake, ``AWS_*``.

        Raises:
            UsageError: a value can't be understood; the message names the variable.
        """
        if environment is None:
            _unset_what_is_empty()
        env = os.environ if environment is None else environment
        home = Path(env.get("CODECOMMONS_HOME") or ".codecommons").expanduser().absolute()
        lake = env.get("CODECOMMONS_LAKE") or str(home / "lake")
        options: dict[str, str] = {}
        if "://" in lake and not lake.startswith("s3://"):
            raise UsageError(f"CODECOMMONS_LAKE is {lake!r}; it must be a folder or s3://BUCKET/PREFIX")
        if lake.startswith("s3://") and not BUCKET.fullmatch(lake.removeprefix("s3://").partition("/")[0]):
            raise UsageError(
                f"CODECOMMONS_LAKE is {lake!r}; it must be a folder or s3://BUCKET/PREFIX, a bucket being named by letters, "
                "digits, dots, dashes and underscores"
            )
        if lake.startswith("s3://"):
            options = {name: env[name] for name in _S3_VARIABLES if env.get(name)}
            if env.get("AWS_ENDPOINT_URL", "").startswith("http://"):
                options["AWS_ALLOW_HTTP"] = "true"
            options.setdefault("AWS_REGION", env.get("AWS_DEFAULT_REGION") or "us-east-1")
        plugins, yara = _paths(env, "CODECOMMONS_PLUGINS"), _paths(env, "CODECOMMONS_YARA")
        for folder in plugins:
            if not folder.is_dir():
                raise UsageError(f"CODECOMMONS_PLUGINS names {folder}, which is no folder")
        numbers = {name: _number(env, name) for name in _NUMBERS}
        purpose = env.get("CODECOMMONS_ENVIRONMENT") or ENVIRONMENTS[0]
        if purpose not in ENVIRONMENTS:
            raise UsageError(f"CODECOMMONS_ENVIRONMENT is {purpose!r}; it must be one of {', '.join(ENVIRONMENTS)}")
        return cls(
            home=home,
            lake=lake if "://" in lake else str(Path(lake).expanduser().absolute()),
            first_day=_day(env, "CODECOMMONS_FIRST_DAY") or cls.first_day,
            plugins=plugins,
            annotators=tuple(sorted({name.strip() for name in env.get("CODECOMMONS_ANNOTATORS", "").split(",") if name.strip()})),
            yara=yara,
            benchmarks=_paths(env, "CODECOMMONS_BENCHMARKS"),
            tokenizers=_paths(env, "CODECOMMONS_TOKENIZERS"),
            scancode=next(iter(_paths(env, "CODECOMMONS_SCANCODE")), None),
            signing_key=next(iter(_paths(env, "CODECOMMONS_SIGNING_KEY")), None),
            storage_options=tuple(sorted(options.items())),
            near_duplicates=env.get("CODECOMMONS_NEAR_DUPLICATES", "words"),
            gharchive=env.get("CODECOMMONS_GHARCHIVE", ""),
            ray=env.get("CODECOMMONS_RAY", ""),
            repository=env.get("CODECOMMONS_REPOSITORY", ""),
            core_hour=_price(env, "CODECOMMONS_CORE_HOUR", cls.core_hour),
            gigabyte_month=_price(env, "CODECOMMONS_GIGABYTE_MONTH", cls.gigabyte_month),
            export_options=tuple((name, env[name]) for name in (*_S3_VARIABLES, "AWS_PROFILE") if env.get(name)),
            environment=purpose,
            alert_options=tuple((name, env[name]) for name in _ALERT_VARIABLES if env.get(name)),
            pinned=(),
            **{_NUMBERS[name]: value for name, value in numbers.items() if value is not None},
        )


_S3_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION")
_ALERT_VARIABLES = (
    "CODECOMMONS_ALERT_WEBHOOK", "CODECOMMONS_ALERT_SLACK", "CODECOMMONS_ALERT_MAIL", "CODECOMMONS_ALERT_FROM",
    "CODECOMMONS_ALERT_LEVEL", "CODECOMMONS_SMTP", "CODECOMMONS_SMTP_PASSWORD", "CODECOMMONS_UI",
)  # fmt: skip
_NUMBERS = {
    "CODECOMMONS_WORKERS": "workers",
    "CODECOMMONS_COMMITS": "commits",
    "CODECOMMONS_KEEP_RUNS": "keep_runs",
    "CODECOMMONS_BUCKET_BITS": "bucket_bits",
    "CODECOMMONS_BATCH_BYTES": "batch_bytes",
    "CODECOMMONS_MAX_CONTENT_BYTES": "max_content_bytes",
    "CODECOMMONS_MAX_ARCHIVE_BYTES": "max_archive_bytes",
    "CODECOMMONS_MAX_ARCHIVE_RATIO": "max_archive_ratio",
    "CODECOMMONS_MAX_ARCHIVE_MEMBERS": "max_archive_members",
}

# Buckets are told apart by the first two bytes of a key; the bytes of one Arrow array, a content or a batch, end at 2 GiB; days
# are counted from today.
_MOST = {
    "CODECOMMONS_BUCKET_BITS": 16,
    "CODECOMMONS_COMMITS": 1,
    "CODECOMMONS_WORKERS": 1024,
    "CODECOMMONS_KEEP_RUNS": 36_500,
    "CODECOMMONS_BATCH_BYTES": 1 << 30,
    "CODECOMMONS_MAX_CONTENT_BYTES": 1 << 30,
}


def _unset_what_is_empty() -> None:
    """Take empty variables out of the environment, as files of them have: delta-rs reads it too, and fails over an empty one."""
    for name in [name for name, value in os.environ.items() if name.startswith("AWS_") and not value]:
        del os.environ[name]


def _paths(env: Mapping[str, str], name: str) -> tuple[Path, ...]:
    return tuple(Path(path).expanduser().absolute() for path in env.get(name, "").split(os.pathsep) if path)


def _number(env: Mapping[str, str], name: str) -> int | None:
    raw = env.get(name)
    if not raw:
        return None
    most = _MOST.get(name, sys.maxsize)
    least = 1 if name == "CODECOMMONS_BATCH_BYTES" else 0
    if not re.fullmatch(r"\d{1,18}", raw, re.ASCII) or not least <= int(raw) <= most:
        limit = f" and at most {most}" if name in _MOST else ""
        raise UsageError(f"{name} is {raw!r}; it must be a whole number, {'1 or more' if least else 'not negative'}{limit}")
    return int(raw)


def _price(env: Mapping[str, str], name: str, otherwise: float) -> float:
    raw = env.get(name)
    if not raw:
        return otherwise
    if not re.fullmatch(r"\d{1,12}(\.\d{1,12})?", raw, re.ASCII):
        raise UsageError(f"{name} is {raw!r}; it must be a price such as 0.04")
    return float(raw)


def _day(env: Mapping[str, str], name: str) -> dt.date | None:
    raw = env.get(name)
    if not raw:
        return None
    try:
        return dt.date.fromisoformat(raw)
    except ValueError:
        raise UsageError(f"{name} is {raw!r}; it must be a day such as 2025-01-31") from None
