# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A real Postgres server of this session's own, with a password, gone afterwards."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "marker-of-postgres-that-nobody-may-see"


def programs() -> Path | None:
    """The folder of Postgres' own programs, which Debian keeps off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, str]]:
    """The variables that deploy/dagster.yaml reads, for a server that listens on this machine."""
    folder = programs()
    missing = "Postgres (Debian's `postgresql`)" if folder is None else None
    if importlib.util.find_spec("dagster_postgres") is None:
        missing = "dagster-postgres (pip install '.[postgres]')"
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing} is not installed, and continuous integration must have it")
    if missing or folder is None:
        pytest.skip(f"{missing} is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # It refuses to run as root, and its user can't read pytest's folders.
    as_user = {"user": "postgres"} if os.getuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="codecommons-postgres-"))
    try:
        (home / "password").write_text(PASSWORD)
        if as_user:
            owner = pwd.getpwnam("postgres")
            for path in (home, home / "password"):
                os.chown(path, owner.pw_uid, owner.pw_gid)

        def run(*command: object) -> None:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
            subprocess.run([str(part) for part in command], check=True, cwd=home, **quiet, **as_user)

        data, options = home / "data", f"-p {port} -c listen_addresses=127.0.0.1 -k {home} -c fsync=off"
        run(
            folder / "initdb",
            "-D",
            data,
            "-U",
            "codecommons",
            "-A",
            "scram-sha-256",
            f"--pwfile={home / 'password'}",
            "--no-sync",
        )
        run(folder / "pg_ctl", "-D", data, "-l", home / "log", "-w", "-o", options, "start")
        try:
            yield {
                "DAGSTER_POSTGRES_HOST": "127.0.0.1",
                "DAGSTER_POSTGRES_PORT": str(port),
                "DAGSTER_POSTGRES_DB": "postgres",
                "DAGSTER_POSTGRES_USER": "codecommons",
                "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
            }
        finally:
            run(folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)
