# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A run launcher that can say whether a run's process is still there, so that run monitoring finds the dead ones.

Dagster's own launcher can't: a code server tells of a process that it started itself, but when the server dies with it (the
machine went down, memory ran out), or the process was a command of ours, the run stays "started" for the six hours of
``max_runtime_seconds`` and keeps its place in the queue and its pools. ``dagster.yaml`` names this class. It also lets a
run that is run again forget what its tags say of the one before: they would say of a run that passes that it has failed.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, LaunchRunContext, WorkerStatus
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

from assets.tags import NOTHING_YET
from codecommons_dagster.sqlite import keep_engines

# A tag of runs of commands: where their process is. The prefix keeps it out of the interface.
WORKER = ".dagster/codecommons_worker"
# A code server that does not answer for so long is gone, and its runs with it.
PATIENCE_SECONDS = 300
# Between the start of a process and its first event: imports on a busy machine.
_STARTS_WITHIN = 600
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", None})

# Every process of an instance loads this module, as its configuration names it.
keep_engines()


@dataclass(frozen=True)
class Process:
    """A process that can't be mistaken for another one of the same number."""

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def this(cls) -> Process:
        """The one that asks."""
        pid = os.getpid()
        return cls(socket.gethostname(), _boot(), pid, started(pid) or 0)

    @classmethod
    def parse(cls, text: str) -> Process:
        """What ``str`` has written."""
        host, boot, pid, began = text.split()
        return cls(host, boot, int(pid), int(began))

    def __str__(self) -> str:
        return f"{self.host} {self.boot} {self.pid} {self.started}"

    def alive(self) -> bool | None:
        """Whether it is there; None where nobody here can know, as it is on another machine or in another container."""
        if self.host != socket.gethostname():
            return None
        return self.boot == _boot() and started(self.pid) == self.started


def worker_tags() -> dict[str, str]:
    """The tag of a run that this process executes itself."""
    return {WORKER: str(Process.this())}


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.is_file() else "unknown"


def started(pid: int) -> int | None:
    """When a process of this machine began, in clock ticks since boot; None when there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class WatchfulRunLauncher(DefaultRunLauncher):
    """``DefaultRunLauncher`` that supports run monitoring."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Nothing is asked yet."""
        super().__init__(inst_data)
        # Since when the code server of a run has not answered.
        self._silent: dict[str, float] = {}

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the process of a run; one that is run again says no more of the failure before it."""
        inherited = {tag: said for tag, said in NOTHING_YET.items() if tag in context.dagster_run.tags}
        if context.dagster_run.parent_run_id is not None and inherited:
            self._instance.add_run_tags(context.dagster_run.run_id, inherited)
        super().launch_run(context)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that started the process, then look for the process itself."""
        # This first: a run that is re-executed in the interface takes over the tags of the command's, whose process is gone.
        client: DagsterGrpcClient | None = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None and WORKER in run.tags:
            process = Process.parse(run.tags[WORKER])
            return self._verdict(process.alive(), f"process {process.pid} of the command that ran it")
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "nobody recorded where it runs")
        pid, when = self._reported(run.run_id)
        if client.host in _LOCAL and pid is not None:
            return self._verdict(_alive_since(pid, when), f"process {pid}")
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=10)
        except Exception as error:
            silent = time.monotonic() - self._silent.setdefault(run.run_id, time.monotonic())
            alive = None if silent < PATIENCE_SECONDS else False
            return self._verdict(alive, f"the code server that ran it (no answer for {silent:.0f} s: {type(error).__name__})")
        self._silent.pop(run.run_id, None)
        known = deserialize_value(answer, CanCancelExecutionResult).can_cancel
        return self._verdict(known, f"its process on {client.host}")

    @staticmethod
    def _verdict(alive: bool | None, what: str) -> CheckRunHealthResult:
        if alive is False:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"{what} is gone: it was killed, or the machine went down")
        return CheckRunHealthResult(WorkerStatus.RUNNING, "" if alive else f"{what} can't be seen from here")

    def _reported(self, run_id: str) -> tuple[int | None, float]:
        """The process that a run said it has, and when."""
        events = self._instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        for entry in reversed(list(events)):
            value = entry.get_dagster_event().engine_event_data.metadata.get("pid")
            if value is not None:
                return int(str(value.value)), entry.timestamp
        return None, 0.0


def _alive_since(pid: int, when: float) -> bool:
    """Whether a process that reported itself at a time is still there, and no later one of the same number."""
    ticks = started(pid)
    if ticks is None:
        return False
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    began = time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
    return when - _STARTS_WITHIN <= began <= when + 1
