# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""croissant.json: the release as Croissant 1.1 with the RAI vocabulary, which loaders and dataset searches read.

Sources: the Croissant format specification 1.1 and its Responsible AI extension 1.0, MLCommons.
"""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl
import pyarrow as pa

from codecommons.datasets.documents.document import Document
from codecommons.datasets.documents.figures import (
    ROWS_ARE,
    TERMS,
    called,
    columns,
    harvested,
    is_talk,
    kind_of,
    meaning,
    redacted,
    rollup,
)
from codecommons.datasets.format import ShardFormat, terms_of

VERSIONS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
# Without a key of the standard context a validator warns.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {pa.string(): "sc:Text", pa.int64(): "sc:Integer", pa.float64(): "sc:Float"}
# Fields that say what PROV-O has a word for.
_EQUIVALENT = {"swhid": "prov:wasDerivedFrom", "license": "sc:license"}
_PARQUET, _SHARDS, _ROWS = "application/x-parquet", "shards", "rows"
# Ending -> media type of files that belong to a release and are neither shards nor the manifest.
_OTHERS = {".json": "application/json", ".parquet": _PARQUET, ".metadata": "text/plain"}
_BYTES = "application/octet-stream"


def croissant(document: dict[str, Any], manifest: pl.DataFrame, form: ShardFormat) -> str:
    """Describe a release; its folder is where the paths begin.

    Args:
        document: the release's ``fingerprint.json``.
        manifest: its rows.
        form: of the shards.
    """
    asked = terms_of(document).asked
    ending, media_types = form.records(asked)
    inputs, result, what = document["inputs"], document["result"], ROWS_ARE[kind_of(document)]
    specification, every = inputs["specification"], columns(document, form)
    year, month, day = inputs["as_of"].split("-")
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": document["name"],
        "description": specification["description"] or f"A dataset of {what}.",
        "conformsTo": list(VERSIONS),
        # Removing rows is what releases are for, so a release has no other version than its day; the fingerprint says which.
        "version": f"{int(year)}.{int(month)}.{int(day)}+{document['fingerprint'][:12]}",
        "identifier": f"sha256:{document['fingerprint']}",
        "datePublished": inputs["as_of"],
        "license": [one["value"] for one in rollup(manifest, "license")],
        "creator": _creator(specification.get("publisher", {})),
        "citeAs": f"{document['name']}, as of {inputs['as_of']}, sha256:{document['fingerprint']}",
        "isLiveDataset": False,
        "usageInfo": TERMS.replace("\n", " "),
        "size": f"{result['text_bytes']} B of text in {result['rows']} rows",
        **_responsible(document, manifest),
        "distribution": [
            *(_file(f"data/{one['name']}", one["sha256"], form.media_types, one["bytes"]) for one in result["shards"]),
            *(
                _file(f"data/{one['name']}", one["sha256"], _media_type(one["name"]), one["bytes"])
                for shard in result["shards"]
                for one in shard.get("beside", ())
            ),
            *(_file(name, sha256, _media_type(name)) for name, sha256 in inputs.get("supplies", {}).items()),
            _file("manifest.parquet", result["manifest"]["sha256"], (_PARQUET,), result["manifest"]["bytes"]),
            {
                "@type": "cr:FileSet",
                "@id": _SHARDS,
                "name": _SHARDS,
                "description": f"{len(result['shards'])} files, each a bucket of origins; rows go by origin, path and SWHID.",
                "encodingFormat": _one_or_all(media_types),
                "includes": f"data/*{ending}",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _ROWS,
                "name": _ROWS,
                "description": f"{result['rows']} {what}.{' ' + form.loading(asked) if form.explains(asked) else ''}",
                **({"key": {"@id": f"{_ROWS}/swhid"}} if "swhid" in every else {}),
                "field": [*_fields(document, every)],
            }
        ],
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _creator(publisher: dict[str, str]) -> dict[str, str]:
    """A creator is required; without a publisher it is nobody in particular."""
    named = {"@type": "sc:Organization", "name": publisher.get("name") or "the publisher of this release"}
    return named | ({"url": publisher["url"]} if publisher.get("url") else {})


def _media_type(name: str) -> tuple[str, ...]:
    return (_OTHERS.get(name[name.rindex(".") :], _BYTES),)


def _one_or_all(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _file(path: str, sha256: str, media_types: tuple[str, ...], size: int | None = None) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path.rpartition("/")[2],
        "contentUrl": path,
        **({} if size is None else {"contentSize": f"{size} B"}),
        "encodingFormat": _one_or_all(media_types),
        "sha256": sha256,
    }


def _fields(document: dict[str, Any], every: dict[str, pa.DataType]) -> list[dict[str, Any]]:
    """The columns that Croissant has a type for; lists of spans are none of them."""
    found = []
    for name, kind in every.items():
        if kind in _TYPES:
            same = {"equivalentProperty": _EQUIVALENT[name]} if name in _EQUIVALENT else {}
            found.append(
                {
                    "@type": "cr:Field",
                    "@id": f"{_ROWS}/{name}",
                    "name": name,
                    "description": meaning(document, name),
                    "dataType": _TYPES[kind],
                    **same,
                    "source": {"fileSet": {"@id": _SHARDS}, "extract": {"column": name}},
                }
            )
    return found


def _responsible(document: dict[str, Any], manifest: pl.DataFrame) -> dict[str, Any]:
    """What the RAI vocabulary asks for, as far as the lake knows it."""
    inputs = document["inputs"]
    slices = sorted({one["slice"] for one in harvested(document)})
    sources = sorted({one["source"] for one in harvested(document)})
    talk = is_talk(document)
    names = "its origin and number" if talk else "origin, visit, anchor and path"
    raw = (
        "Events, of which the text of each row is made again; it re-hashes" if talk else "The bytes of every file, which re-hash"
    )
    steps = [
        f"{one['rule']} left out {one['rows']} {called(document)} ({one['bytes']} bytes)"
        for one in document["steps"]
        if one["rows"]
    ]
    languages = [f"{one['value']} ({one['rows']} {called(document)})" for one in rollup(manifest, "language", 20)]
    return {
        "rai:dataCollection": (
            f"{'Discussions' if talk else 'Files'} of {manifest['origin'].n_unique()} origins, harvested from "
            f"{', '.join(sources)} in the slices {slices[0]} to {slices[-1]}; {document['candidates']['rows']} candidates were "
            f"looked at. Each row names {names}."
        ),
        "rai:dataCollectionType": ["Others"],
        "rai:dataCollectionRawData": f"{raw} to the SWHID in its row.",
        "rai:dataCollectionTimeframe": [slices[0], slices[-1]],
        "rai:dataPreprocessingProtocol": [
            f"Licence policy {inputs['policy']}.",
            *steps,
            "Texts are decoded to Unicode; `encoding` gives the bytes back.",
        ],
        "rai:dataAnnotationProtocol": "By programs alone: "
        + ", ".join(f"{one} {it}" for one, it in inputs["annotators"].items()),
        "rai:machineAnnotationTools": [*inputs["annotators"]],
        "rai:dataBiases": "What people say in public projects, in English most."
        if talk
        else f"What people publish as open source, in these languages most: {', '.join(languages)}.",
        "rai:dataLimitations": "Licences are what files and the projects around them state; statements may be wrong or missing.",
        "rai:dataUseCases": "Training, evaluating and studying language models of code.",
        "rai:personalSensitiveInformation": redacted(document),
        "rai:dataReleaseMaintenancePlan": (
            "Later releases honour what was opted out or taken down since; this one was made at opt-out ledger "
            f"{inputs['opt_out']}. Update to the newest."
        ),
    }


DOCUMENT = Document(
    {"croissant.json": lambda facts: [croissant(facts.document, facts.manifest, facts.form)]},
    re.compile(r'"size": "\d+ B of text in (\d+) rows"'),
)
