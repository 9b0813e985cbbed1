# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The same tasks on a Ray cluster.

A task is given to whichever node is free, and given again to another one when its node or worker goes; nothing else is lost with
a node, as what tasks write goes into the lake's storage and only the driver commits it. Neither tasks nor results pile up in Ray:
two tasks a core are under way, and a result leaves the object store when it has been read.

Nodes need the same packages as the driver, the lake's storage (S3, or a folder that all of them mount), ``CODECOMMONS_HOME`` at
the same path for what was downloaded, and credentials in their own environment.

Sources: Ray 2.60, "Task Fault Tolerance" and "Out-Of-Memory Prevention"; ``max_retries`` counts crashes of a worker and losses of
a node, and what a task raises is never tried again.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import version
from typing import Any, TypeVar

from codecommons.engine.engine import Engine, Job, run_task
from codecommons.errors import ClusterGoneError, UsageError
from codecommons.report import Elsewhere, tree_cpu_seconds

T = TypeVar("T")
R = TypeVar("R")

# How often a task is given to another worker: nodes are lost more easily than processes of one machine.
_AGAIN = 2
_AHEAD = 2
# Seconds between two looks at whether the head is there: Ray ends this process when it has been gone for a minute, with no error.
_LOOK = 10
# Seconds that a cluster may be without any core: nodes that start by themselves take minutes.
_PATIENCE = 900
# What a client of gRPC says first, before it has settings of its own; a server answers with its settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])

_NO_HEAD = "what listens there is no head of a Ray cluster"


class RayEngine(Engine):
    """Runs tasks on the cores of a Ray cluster that is running."""

    def __init__(self, address: str) -> None:
        """Nothing is connected before the first task.

        Args:
            address: of the cluster's head, ``host:port``, or ``auto`` for the one that runs on this machine.
        """
        self._address = address
        self._joined = False

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Cores of the cluster as it is now."""
        return max(1, self._cores())

    def results(self, job: Job[T, R]) -> Iterator[R]:
        """See ``Engine.results``."""
        ray = self._ray
        remote = ray.remote(_run).options(num_cpus=1, max_retries=_AGAIN, retry_exceptions=False)
        function = ray.put((job.function, _versions()))
        todo, running = deque(job.tasks), deque[tuple[T, Any]]()
        looked, served = -math.inf, time.monotonic()
        try:
            while todo or running:
                if time.monotonic() > looked + _LOOK:
                    looked, cores = time.monotonic(), self._cores()
                    served = looked if cores else served
                    if looked > served + _PATIENCE:
                        raise ClusterGoneError(
                            f"the Ray cluster at {self._address} has had no core for {_PATIENCE} seconds; start a node with "
                            "ray start --address, then run the slice again"
                        )
                for _ in range(min(len(todo), _AHEAD * max(1, cores) - len(running))):
                    task = todo.popleft()
                    running.append((task, remote.remote(function, task)))
                task, reference = running[0]
                try:
                    result, seconds = ray.get(reference, timeout=_LOOK)
                except ray.exceptions.GetTimeoutError:
                    continue
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from None  # Ray's own has the whole traceback for a message
                except ray.exceptions.RayError as error:
                    running.popleft()
                    if not (parts := job.parts(task)):
                        raise job.crashed(task, f"workers died {_AGAIN + 1} times") from error
                    # Before all others, as results are in the order of the tasks.
                    running.extendleft((part, remote.remote(function, part)) for part in reversed(parts))
                    continue
                running.popleft()
                del reference
                Elsewhere.cpu_seconds += seconds
                yield result
        finally:
            for _, reference in running:
                ray.cancel(reference, force=True)

    def _cores(self) -> int:
        """Cores of the cluster, if its head still answers.

        Raises:
            ClusterGoneError: it does not.
        """
        try:
            if "//" not in self._address:
                _reach(self._ray.get_runtime_context().gcs_address)
        except (OSError, ValueError) as error:
            raise ClusterGoneError(
                f"the Ray cluster at {self._address} does not answer any more: {error}; start it again, then run the slice again"
            ) from None
        return int(self._ray.cluster_resources().get("CPU", 0))

    def close(self) -> None:
        """See ``Engine.close``; the cluster stays."""
        if self._joined:
            self._ray.shutdown()
            self._joined = False
            del self._ray

    @cached_property
    def _ray(self) -> Any:
        """Ray, connected.

        Raises:
            UsageError: it is not installed, or no cluster answers.
        """
        # Else a task that never fits into memory is tried for ever. Ray reads it when it is connected.
        os.environ.setdefault("RAY_task_oom_retries", str(_AGAIN))
        try:
            import ray
        except ImportError:
            raise UsageError("CODECOMMONS_RAY is set and Ray is not installed; pip install 'codecommons[ray]'") from None
        if not ray.is_initialized():
            try:
                _reach(self._address)
                _require_head(self._address)
                ray.init(address=self._address, log_to_driver=False, logging_level="ERROR")
            except (OSError, ValueError, RuntimeError) as error:
                why = str(error).strip().partition("\n")[0].rstrip(".")
                raise UsageError(
                    f"CODECOMMONS_RAY is {self._address!r} and no Ray cluster answers there: {why}; "
                    "start one with ray start --head, or unset it to work on this machine"
                ) from None
            self._joined = True
        return ray


def _reach(address: str) -> None:
    """Fail at once where no Ray listens: Ray itself would ask for minutes, then end the process."""
    host, colon, port = address.rpartition(":")
    if not colon or "//" in address:
        return
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_LOOK) as connection:
        if os.environ.get("RAY_USE_TLS", "0") == "1":
            return
        connection.sendall(_PREFACE)
        if connection.recv(9)[3:4] != b"\x04":
            raise ValueError(_NO_HEAD)


def _require_head(address: str) -> None:
    """Fail at once where another gRPC service listens, such as Ray's own for clients: Ray would ask it for minutes, too.

    Raises:
        ValueError: it has never heard of what a head is asked.
    """
    import ray
    from ray._raylet import GcsClient

    if address.count(":") != 1:  # found by Ray itself, or written in a way that this client does not read
        return
    try:
        GcsClient(address=address)
    except ray.exceptions.RpcError as error:
        raise ValueError(f"{_NO_HEAD} ({str(error).partition(chr(10))[0]})") from None


def _versions() -> dict[str, str]:
    """What must be the same everywhere: it decides what a row says and how it is written."""
    return {name: version(name) for name in ("codecommons", "pyarrow", "polars", "deltalake", "numpy")}


def _run(job: tuple[Callable[[T], R], dict[str, str]], task: T) -> tuple[R, float]:
    """One task on a node, and the CPU seconds that it took there.

    Raises:
        UsageError: the node has other packages than the driver.
    """
    function, wanted = job
    for name, there in _versions().items():
        if there != wanted[name]:
            raise UsageError(
                f"the node {socket.gethostname()} has {name} {there} and the driver {wanted[name]}; install the same"
            )
    begun = tree_cpu_seconds()
    result = run_task(function, task)
    return result, max(0.0, tree_cpu_seconds() - begun)
