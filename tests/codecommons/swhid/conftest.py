# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""A real git to compare with."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from codecommons.swhid import git

Git = Callable[..., bytes]


@pytest.fixture(scope="session")
def scratch_git(tmp_path_factory: pytest.TempPathFactory) -> Git:
    """Run git in one scratch repository that the whole session shares; it only ever gains objects."""
    folder = tmp_path_factory.mktemp("scratch-git")

    def run(*arguments: str, stdin: bytes = b"", cwd: Path = folder, **environment: str | bytes) -> bytes:
        env = {**git.environment(), **environment}
        done = subprocess.run(["git", *arguments], input=stdin, capture_output=True, cwd=cwd, env=env, check=False)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    run("init", "-q")
    return run
