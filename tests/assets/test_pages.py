# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What the page of an asset leads to."""

import dataclasses

import dagster as dg
import pytest

from assets import deduped as deduped_stage
from assets import enriched_context, license_qualified, listing, opt_out, raw_archive_slice, training_shards
from assets.lineage import TABLES
from assets.pages import GROUPS, ROOT, with_pages
from codecommons.settings import Settings

MODULES = (listing, raw_archive_slice, enriched_context, license_qualified, deduped_stage, training_shards, opt_out)
SETTINGS = dataclasses.replace(Settings.from_environment(), repository="")


def pages(settings):
    assets = with_pages([asset for module in MODULES for asset in module.ASSETS], settings)
    return {spec.key: spec for asset in assets for spec in asset.specs}


@pytest.fixture(scope="module")
def shown():
    return pages(SETTINGS)


def test_every_group_has_its_documentation_and_its_code():
    for paths in GROUPS.values():
        for path in paths:
            assert (ROOT / path).is_file(), path


def test_every_page_leads_to_code_that_is_there_and_to_documentation(shown):
    for spec in shown.values():
        references = spec.metadata["dagster/code_references"].code_references
        assert len(references) >= 3, spec.key
        assert references[-1].label.startswith("docs/"), spec.key
        assert f"`{references[-1].label}`" in spec.description
    language = shown[dg.AssetKey(["enriched_context", "annotation_language"])]
    assert language.metadata["dagster/code_references"].code_references[0].label.endswith("annotators/language.py")


def test_with_an_address_of_the_repository_all_links_lead_there():
    for spec in pages(dataclasses.replace(SETTINGS, repository="https://forge.example/house/blob/main/")).values():
        for reference in spec.metadata["dagster/code_references"].code_references:
            assert reference.url == f"https://forge.example/house/blob/main/{reference.label}"
        assert "](https://forge.example/house/blob/main/docs/" in spec.description


def test_every_column_that_a_column_is_said_to_be_made_from_is_there(shown):
    columns = {
        (key, column.name)
        for key, spec in shown.items()
        if "dagster/column_schema" in spec.metadata
        for column in spec.metadata["dagster/column_schema"].columns
    }
    traced = set()
    for key, spec in shown.items():
        lineage = spec.metadata.get("dagster/column_lineage")
        for column, deps in lineage.deps_by_column.items() if lineage else ():
            assert deps, (key, column)
            assert (key, column) in columns
            for dep in deps:
                assert (dep.asset_key, dep.column_name) in columns, (key, column, dep)
            traced.add(key.path[-1])
    assert set(TABLES) <= traced, "a table of which something is said, is traced"


def test_a_verdict_is_traced_to_the_input_of_the_slice(shown):
    todo, seen = [(dg.AssetKey(["license_qualified", "license_judgement"]), "verdict")], set()
    while todo:
        key, column = todo.pop()
        lineage = shown[key].metadata.get("dagster/column_lineage")
        for dep in lineage.deps_by_column.get(column, ()) if lineage else ():
            if (dep.asset_key, dep.column_name) not in seen:
                seen.add((dep.asset_key, dep.column_name))
                todo.append((dep.asset_key, dep.column_name))
    assert (dg.AssetKey(["listing", "slice_input"]), "item") in seen
