# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What a package's manifest says about the package, in columns and as a CodeMeta document.

The formats are ``annotate.manifests.formats``. The licence as written is kept; beside it stands what it means as an SPDX
expression, where that can be told. Authors are persons: they are counted, and in the document stand the hashes of their full
names. A manifest that can't be read is a row that says why.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from codecommons.annotate import notices
from codecommons.annotate.annotator import Annotator
from codecommons.annotate.columns import table, values
from codecommons.annotate.manifests.licenses import LEAST_RELEVANCE, license_of
from codecommons.annotate.manifests.project import LONGEST, MOST, formats

FIELDS = (
    pa.field("ecosystem", pa.string()),
    pa.field("project", pa.string()),
    pa.field("project_version", pa.string()),
    pa.field("license_raw", pa.string()),
    pa.field("classifiers", pa.list_(pa.string())),
    pa.field("license", pa.string()),
    pa.field("description", pa.string()),
    pa.field("authors", pa.int64()),
    pa.field("code_repository", pa.string()),
    pa.field("issue_tracker", pa.string()),
    pa.field("homepage", pa.string()),
    pa.field("keywords", pa.list_(pa.string())),
    pa.field("languages", pa.list_(pa.string())),
    pa.field("requires", pa.list_(pa.string())),
    pa.field("suggests", pa.list_(pa.string())),
    pa.field("codemeta", pa.string()),
)


def row_of(name: str, data: bytes) -> tuple[Any, ...]:
    """What one manifest says, in the order of ``FIELDS``.

    Raises:
        ValueError: it is too large, or its format's reader refuses it (which may raise other errors, too).
    """
    format_ = next(one for one in formats().values() if one.matches(name))
    if len(data) > format_.most_bytes:
        raise ValueError(f"a manifest of {len(data)} bytes; at most {format_.most_bytes} are read")
    project = format_.read(data)
    license_ = license_of(project.license, project.classifiers)
    project = project.cut(LONGEST)
    return (
        project.ecosystem,
        project.name,
        project.version,
        project.license,
        list(project.classifiers),
        license_,
        project.description,
        len(project.people),
        project.code_repository,
        project.issue_tracker,
        project.homepage,
        list(project.keywords),
        list(project.languages),
        list(project.requires),
        list(project.suggests),
        project.codemeta(license_),
    )


def annotate(batch: pa.RecordBatch) -> pa.Table:
    """See ``Annotator.annotate``."""
    return table(map(row_of, (name.decode() for name in values(batch, "name")), values(batch, "data")), FIELDS)


ANNOTATOR = Annotator(
    name="project_metadata",
    description="What a package's manifest says about the package; error says why one could not be read.",
    version=6,
    input="named_content",
    fields=FIELDS,
    annotate=annotate,
    tools=("licensedcode-data", "license-expression", "packageurl-python"),
    configuration={
        "formats": {name: [one.names, one.most_bytes] for name, one in formats().items()},
        "longest": LONGEST,
        "most": MOST,
        "least_relevance": LEAST_RELEVANCE,
    },
    names="|".join(f"(?:{one.names})" for one in formats().values()),
    prepare=notices.prepare,
)
