# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pyarrow as pa
import pytest

from codecommons.annotate import current
from codecommons.settings import Settings
from codecommons.swhid import content_id


@pytest.fixture(scope="session")
def annotators():
    return current(Settings.from_environment({}))


@pytest.fixture(scope="session")
def say(annotators):
    """What an annotator says of one file: ``say("language", b"print()", name=b"a.py")``."""

    def answer(annotator, data=b"", name=b"file", path=b"file"):
        return annotators[annotator].run(batch_of([(name, data)], path)).to_pylist()[0]

    return answer


@pytest.fixture(scope="session")
def batch():
    return batch_of


def batch_of(files, path=b"file"):
    columns = {
        "sha1_git": [content_id(data) for _, data in files],
        "name": [name for name, _ in files],
        "data": [data for _, data in files],
        "path_id": [bytes(20) for _ in files],
        "path": [path for _ in files],
    }
    return pa.record_batch({name: pa.array(values, pa.binary()) for name, values in columns.items()})
