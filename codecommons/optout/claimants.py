# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""Who asks: kept in files of the home that only its owner can read, never in the lake. The ledger holds a reference."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from codecommons.errors import UsageError
from codecommons.lake.storage import lake_errors
from codecommons.optout.chain import canonical
from codecommons.settings import Settings


def keep(settings: Settings, claimant: Mapping[str, str]) -> str:
    """Write down who asks.

    Returns:
        The reference: HMAC-SHA256 under a secret of this home, so that nobody can try names against it.

    Raises:
        UsageError: the home lies within the lake's folder, which others may read.
        LakeError: it can't be written.
    """
    folder = _folder(settings)
    with lake_errors(f"writing {folder}"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        salt = folder / "salt"
        if not salt.exists():
            write_once(salt, secrets.token_bytes(32))
        reference = hmac.new(salt.read_bytes(), canonical(dict(claimant)), hashlib.sha256).hexdigest()[:32]
        write_once(folder / f"{reference}.json", canonical(dict(claimant)))
    return reference


def claimant(settings: Settings, reference: str) -> dict[str, str]:
    """Who is behind a reference; nothing when this home doesn't know, or has forgotten."""
    try:
        found: dict[str, str] = json.loads((_folder(settings) / f"{reference}.json").read_bytes())
    except FileNotFoundError:
        return {}
    return found


def write_once(file: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all; one that is there stays."""
    half = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        try:
            os.link(half, file)
        except FileExistsError:
            return
    finally:
        half.unlink()


def _folder(settings: Settings) -> Path:
    folder = settings.opt_out / "claimants"
    if "://" not in settings.lake and folder.resolve().is_relative_to(Path(settings.lake).resolve()):
        raise UsageError(
            f"{folder} lies inside the lake {settings.lake}, and would be shared with it; choose another CODECOMMONS_HOME or "
            "CODECOMMONS_LAKE"
        )
    return folder
