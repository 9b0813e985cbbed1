# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""How much an archive may give, and what is wrong with a damaged one, in one line."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from codecommons.errors import ItemError
from codecommons.settings import Settings

# A few kB can unpack to a hundred times as much and be honest; the ratio counts from here on.
_RATIO_FROM = 8 << 20


class Meter:
    """Counts what comes out of an archive and stops a bomb."""

    def __init__(self, packed: int, settings: Settings) -> None:
        """``packed``: bytes of the archive."""
        self._most = settings.max_archive_bytes
        self._ratio = max(_RATIO_FROM, packed * settings.max_archive_ratio)
        self._packed = packed
        self._unpacked = 0

    def add(self, count: int) -> None:
        """Count unpacked bytes.

        Raises:
            ItemError: ``bomb``.
        """
        self._unpacked += count
        if self._unpacked > self._most:
            raise ItemError("bomb", f"it unpacks to more than {self._most:,} bytes")
        if self._unpacked > self._ratio:
            raise ItemError("bomb", f"its {self._packed:,} bytes unpack to more than {self._ratio:,}")


@contextmanager
def readable() -> Iterator[None]:
    """Say in one line what the readers of the standard library raise on damaged or hostile bytes."""
    try:
        yield
    except ItemError:
        raise
    except EOFError as error:
        raise ItemError("truncated", "it ends before its end: a download that was cut short?") from error
    except NotImplementedError as error:
        raise ItemError("corrupt", f"it is packed in a way nobody here can read ({said(error)})") from error
    except RuntimeError as error:
        raise ItemError("encrypted" if "password" in str(error) else "corrupt", f"it can't be read ({said(error)})") from error
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        pa.ArrowException,
        OSError,
        ValueError,
        OverflowError,
        struct.error,
    ) as error:
        if any(sign in str(error).lower() for sign in ("truncated", "unexpected end")):
            raise ItemError("truncated", "it ends before its end: a download that was cut short?") from error
        raise ItemError("corrupt", f"it is damaged ({said(error)})") from error


def said(error: Exception) -> str:
    """What an error says, in one line that somebody's file names can't make long."""
    return " ".join(str(error).split())[:200]
