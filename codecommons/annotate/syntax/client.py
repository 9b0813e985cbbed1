# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Which languages can be parsed, and the process that does it."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

import yaml

from codecommons.annotate.child import Child

MOST_BYTES = 1 << 20
MOST_MEMORY = 1 << 30
SECONDS = 10.0  # of CPU time
_WAIT = 120.0  # seconds by the clock, in case the process hangs where it can't look at its time


class Grammar(NamedTuple):
    """How a language's trees are had: the package, its function, and the query that says what is counted."""

    package: str
    function: str
    query: str


@cache
def grammars() -> dict[str, Grammar]:
    """Linguist's name of a language -> its grammar."""
    text = (files("codecommons.annotate.syntax") / "grammars.yaml").read_bytes()
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {name: Grammar(one["package"], one.get("function", "language"), one["query"]) for name, one in document.items()}


class Parser:
    """Asks one process, which is started when there is something to parse, and again after a content that ended it."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._child = Child(_start)

    def facts(self, language: str, data: bytes) -> dict[str, Any]:
        """What the tree of a content says, by columns of the annotator ``syntax``.

        Raises:
            ValueError: the content is too large, or its parsing took too much memory or time.
            KeyError: the language has no grammar.
        """
        if len(data) > MOST_BYTES:
            raise ValueError(f"a content of {len(data)} bytes; at most {MOST_BYTES} are parsed")
        grammar = grammars()[language]
        question = {
            "language": language,
            "module": grammar.package.replace("-", "_"),
            "function": grammar.function,
            "query": grammar.query,
            "length": len(data),
        }
        answer = self._child.ask(json.dumps(question).encode() + b"\n" + data, _WAIT)
        if answer is None:
            raise ValueError(f"parsing takes more than {MOST_MEMORY >> 20} MiB of memory, or ends the parser otherwise")
        if isinstance(answer, str):
            raise ValueError(answer)
        return answer

    def close(self) -> None:
        """End the process."""
        self._child.close()


def _start() -> subprocess.Popen[bytes]:
    with as_file(files("codecommons.annotate.syntax") / "worker.py") as worker:
        return subprocess.Popen(
            [sys.executable, worker, str(MOST_MEMORY), str(SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


@cache
def parser() -> Parser:
    """The parser of this process."""
    return Parser()
