# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A ScanCode process, and a folder of what it said before."""

from __future__ import annotations

import hashlib
import json
import subprocess
import uuid
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from codecommons.annotate.child import Child
from codecommons.errors import UsageError

INSTALL = "make one with: python -m venv ENV && ENV/bin/pip install 'scancode-toolkit-mini==32.5.0' 'pluggy<1.7'"

SECONDS = 120.0  # for one passage; most take less than one


class Detection(NamedTuple):
    """What ScanCode found in a passage: lines (from 1, inclusive), SPDX expression, and its own score in percent."""

    start_line: int
    end_line: int
    expression: str
    score: float


@cache
def version_of(python: Path) -> str:
    """The version of the ScanCode that an interpreter has.

    Raises:
        UsageError: it is no interpreter, or has none.
    """
    code = "from importlib.metadata import version; print(version('scancode-toolkit-mini'))"
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"CODECOMMONS_SCANCODE is {python}, which can't be run ({error}); {INSTALL}") from None
    if done.returncode:
        raise UsageError(f"CODECOMMONS_SCANCODE is {python}, which has no scancode-toolkit-mini; {INSTALL}")
    return done.stdout.strip()


class Scancode:
    """Asks one ScanCode process, which is started when there is something new to ask."""

    def __init__(self, python: Path) -> None:
        """``python``: the interpreter of ScanCode's environment."""
        self._python = python
        self._child = Child(self._start)
        self.folder: Path | None = None
        self.asked = 0

    def detect(self, text: str) -> list[Detection]:
        """What ScanCode says of a passage.

        Raises:
            ValueError: ScanCode failed on it, or did not answer within ``SECONDS``.
            UsageError: ScanCode does not start.
        """
        kept = self._kept(text)
        if kept is not None and kept.is_file():
            return [Detection(*one) for one in json.loads(kept.read_text())]
        self.asked += 1
        answer = self._child.ask(json.dumps(text).encode() + b"\n", SECONDS)
        if answer is None:
            raise ValueError(f"ScanCode ended without an answer, or was ended after {SECONDS:.0f} seconds")
        if isinstance(answer, str):
            raise ValueError(f"ScanCode: {answer}")
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_name(f"{kept.name}.{uuid.uuid4().hex}")
            part.write_text(json.dumps(answer))
            part.replace(kept)
        return [Detection(*one) for one in answer]

    def _kept(self, text: str) -> Path | None:
        if self.folder is None:
            return None
        name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"scancode-{version_of(self._python)}" / name[:2] / f"{name}.json"

    def _start(self) -> subprocess.Popen[bytes]:
        with as_file(files("codecommons.annotate.scancode") / "worker.py") as worker:
            process = subprocess.Popen(
                [self._python, "-I", worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert process.stdout is not None
            if not process.stdout.readline():  # it says its version as soon as it can be asked
                process.kill()
                process.communicate()
                raise UsageError(f"ScanCode of {self._python} does not start; run {self._python} {worker} to see why")
        return process

    def close(self) -> None:
        """End the process."""
        self._child.close()


@cache
def scancode(python: Path) -> Scancode:
    """The ScanCode of this process."""
    return Scancode(python)
