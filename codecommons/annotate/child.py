# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A process that is asked one thing at a time: it may hang, crash or need another interpreter, and costs one answer."""

from __future__ import annotations

import atexit
import json
import subprocess
import threading
from collections.abc import Callable
from typing import Any


class Child:
    """Asks one process, which is started when there is something to ask, and again after it ended."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        """``start`` gives a process that answers what comes in with a line of JSON, and has pipes for both."""
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def ask(self, question: bytes, seconds: float) -> Any:
        """The answer, or None where the process ended over the question, or was ended after so many seconds."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        clock = threading.Timer(seconds, process.kill)
        clock.start()
        try:
            process.stdin.write(question)
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        finally:
            clock.cancel()
        if not line:
            self.close()
            return None
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
