# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Errors a user can act on.

Every message says what was wrong, where, and what to do next. The command line and the assets print the message alone;
anything that is not a ``CodeCommonsError`` is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class CodeCommonsError(Exception):
    """Something the user or operator can put right.

    Attributes:
        passing: whether the same again may well succeed with nobody doing anything, as when a server can't be reached.
    """

    passing = False


class UsageError(CodeCommonsError):
    """The request itself makes no sense: an unknown option value, a malformed SWHID, a bad specification."""


class ItemError(CodeCommonsError):
    """One item of a slice can't be had or read; it is quarantined with ``reason`` and the rest goes on."""

    def __init__(self, reason: str, detail: str, passing: bool | None = None) -> None:
        """``reason`` is the short stable word that is counted; ``detail`` is the line a person reads.

        What is ``unreachable`` passes unless ``passing`` says otherwise, as of a server that answered that there is no such file.
        """
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.passing = reason == "unreachable" if passing is None else passing

    def __reduce__(self) -> tuple[type[ItemError], tuple[str, str, bool]]:
        """Travel between processes with all arguments."""
        return type(self), (self.reason, self.detail, self.passing)


class GateError(CodeCommonsError):
    """A stage was asked to work on input whose previous stage has not passed."""


class LakeError(CodeCommonsError):
    """The lake can't be read or written: a corrupt table, a full disk, an unwritable folder."""


class UnreachableError(LakeError):
    """The lake's storage can't be reached, is too busy, or broke a connection off."""

    passing = True


class TaskCrashedError(CodeCommonsError):
    """A worker process died twice on the same task."""


class ClusterGoneError(CodeCommonsError):
    """The cluster that tasks run on does not answer any more, or has nobody to run them."""

    passing = True


class ReaderPanicError(Exception):
    """A reader written in Rust broke down over a file; what it raises itself is no ``Exception`` and passes every handler."""


@contextmanager
def no_panic() -> Iterator[None]:
    """Turn the breakdown of a reader written in Rust into an error like any other.

    Raises:
        ReaderPanicError: Polars or delta-rs panicked, as they do on files that are cut short.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise ReaderPanicError(str(error)) from error
