# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``make ui``: Dagster's webserver and daemon over the persistent instance, until Ctrl-C.

One code server for both: told of a module, each would start its own, and one that has loaded our code takes as much memory as
all the others together. "Reload definitions" in the interface loads the code anew.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from codecommons.errors import CodeCommonsError
from codecommons.settings import Settings

GRACE_SECONDS = 20
MODULE = "codecommons_dagster.definitions"
LOCATION = "codecommons"
_WORKSPACE = "load_from: [{{grpc_server: {{socket: {socket}, location_name: {location}}}}}]\n"
# Every thread of these servers has an arena of its own otherwise, which keeps what one request needed.
FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}


def serve(settings: Settings, host: str, port: int) -> int:
    """Run all three until one ends or somebody stops us; the others are ended, whichever way.

    Returns:
        0 after Ctrl-C or a termination, else the exit code of what ended by itself.
    """
    # In a process of its own, which takes what it has imported with it.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as once:
        once.submit(_prepare, settings).result()
    environment = {
        **FEW_ARENAS,
        **os.environ,
        "CODECOMMONS_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    running: list[subprocess.Popen[bytes]] = []

    def start(*module_and_arguments: str) -> None:
        # A session of its own: Ctrl-C reaches us alone, and we end each with all that it started.
        command = [sys.executable, "-m", *module_and_arguments]
        running.append(subprocess.Popen(command, env=environment, start_new_session=True))

    with tempfile.TemporaryDirectory(prefix="codecommons-") as folder:
        socket, workspace = Path(folder, "code"), Path(folder, "workspace.yaml")
        workspace.write_text(_WORKSPACE.format(socket=socket, location=LOCATION))
        try:
            start("dagster", "code-server", "start", "-s", str(socket), "-m", MODULE, "--location-name", LOCATION)
            for _ in _while_alive(running):
                if socket.exists():
                    break
            start("dagster_webserver", "-h", host, "-p", str(port), "-w", str(workspace))
            start("dagster._daemon", "run", "-w", str(workspace))
            print(f"Dagster is on http://{host}:{port} in a moment; Ctrl-C ends it.", flush=True)
            for _ in _while_alive(running):
                pass
            return next(process.returncode for process in running if process.returncode is not None)
        except KeyboardInterrupt:
            return 0
        finally:
            _end(running)


def _prepare(settings: Settings) -> None:
    """What must be there before: the dbt manifest, and the instance's databases, which two processes would make at once."""
    from codecommons_dagster.instance import instance, set_pools
    from codecommons_dagster.setup import prepare

    prepare(settings)
    with instance(settings) as recorder:
        set_pools(recorder, settings)


def _while_alive(running: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Five times a second, until one of them has ended."""
    while all(process.poll() is None for process in running):
        yield
        time.sleep(0.2)


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Interrupt all with their runs, which record that; what is still there after a while is killed."""
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
    arguments = parser.parse_args()
    try:
        return serve(Settings.from_environment(), arguments.host, arguments.port)
    except CodeCommonsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
