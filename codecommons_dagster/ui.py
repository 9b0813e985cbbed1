# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``make ui``: Dagster's webserver and daemon over the persistent instance, until Ctrl-C.

The workspace is named explicitly: in a folder with ``[tool.dg]`` both would silently ignore ``workspace.yaml``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from codecommons.errors import CodeCommonsError
from codecommons.settings import Settings
from codecommons_dagster.instance import instance, set_pools
from codecommons_dagster.setup import prepare

WORKSPACE = Path(__file__).resolve().parent.parent / "workspace.yaml"
GRACE_SECONDS = 20


def serve(settings: Settings, host: str, port: int, workspace: Path) -> int:
    """Run both until one ends or somebody stops us; both are ended, whichever way.

    Returns:
        0 after Ctrl-C or a termination, else the exit code of what ended by itself.
    """
    # Once, before two code servers want it at the same time.
    prepare(settings)
    with instance(settings) as recorder:
        set_pools(recorder, settings)
    environment = {**os.environ, "CODECOMMONS_HOME": str(settings.home), "DAGSTER_HOME": str(settings.dagster_home)}
    target = ["-w", str(workspace)] if workspace.is_file() else ["-m", "codecommons_dagster.definitions"]
    webserver = [sys.executable, "-m", "dagster_webserver", "-h", host, "-p", str(port), *target]
    daemon = [sys.executable, "-m", "dagster._daemon", "run", *target]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # Sessions of their own: Ctrl-C reaches us alone, and we end each with all that it started.
    running = [subprocess.Popen(command, env=environment, start_new_session=True) for command in (webserver, daemon)]
    print(f"Dagster is on http://{host}:{port} in a moment; Ctrl-C ends it.", flush=True)
    try:
        while True:
            for process in running:
                if process.poll() is not None:
                    return process.returncode
            time.sleep(0.2)
    except KeyboardInterrupt:
        return 0
    finally:
        _end(running)


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    """Interrupt both with their code servers and runs, which record that; what is still there after a while is killed."""
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m codecommons_dagster.ui", description="Dagster's web interface over your lake."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=3000, help="port to listen on (default: 3000)")
    parser.add_argument("-w", "--workspace", type=Path, default=WORKSPACE, help="workspace file")
    arguments = parser.parse_args()
    try:
        return serve(Settings.from_environment(), arguments.host, arguments.port, arguments.workspace)
    except CodeCommonsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
