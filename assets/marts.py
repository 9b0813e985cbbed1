"""What people query on top: the DuckDB catalogue of views, and dbt's marts in it. dbt's tests show as asset checks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_duckdb import DuckDBResource

from assets.drawing import table
from assets.metadata import OWNERS
from assets.outcomes import plain_errors
from codecommons.lake.stages import code_version
from codecommons.report import STAGES
from codecommons.settings import Settings
from resources.dbt import DbtResource

GROUP = "marts"

# DuckDB lets one process write a file: everything that writes the catalogue waits for its turn here.
POOL = "duckdb_catalog"


@dg.asset(
    deps=STAGES[-1:],
    group_name=GROUP,
    kinds={"duckdb"},
    owners=OWNERS,
    tags={"stage": GROUP},
    code_version=code_version(),
    pool=POOL,
)
def catalogue(context: dg.AssetExecutionContext, duckdb: DuckDBResource) -> dg.MaterializeResult[None]:
    """The DuckDB file with a view per table of the lake, which holds no data: rebuildable, so nothing is lost with it."""
    from codecommons.lake.views import build_catalogue

    with plain_errors(context):
        path = build_catalogue(Settings.from_environment())
    with duckdb.get_connection() as connection:
        views = connection.execute(
            "select view_name, column_count from duckdb_views() where not internal and schema_name = 'main' order by 1"
        ).fetchall()
    return dg.MaterializeResult(
        metadata={"views": dg.MetadataValue.md(table(("view", "columns"), views)), "dagster/uri": str(path)}
    )


class Translator(DagsterDbtTranslator):
    """Shows a dbt model as an asset of the group ``marts``.

    dbt's sources are the views in the catalogue: models hang on it, and tests of sources are its checks. On the assets of
    the stages they would run dbt in the middle of every slice.
    """

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The catalogue for every source."""
        return catalogue.key if dbt_resource_props["resource_type"] == "source" else super().get_asset_key(dbt_resource_props)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What the project says of it; its SQL is a link away."""
        return str(dbt_resource_props["description"]).strip()

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Add what every asset of the house has."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith("model."):
            return spec
        return spec.replace_attributes(group_name=GROUP, owners=OWNERS, kinds={"dbt", "duckdb"}, tags={"stage": GROUP})


def build_marts(project: Path, target: Path) -> list[dg.AssetsDefinition]:
    """The catalogue and the dbt models, from a project whose manifest is in ``target``."""
    dbt_project = DbtProject(project_dir=project, target_path=target, profiles_dir=project)
    settings = DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True, enable_source_tests_as_checks=True)

    @dbt_assets(
        manifest=target / "manifest.json",
        project=dbt_project,
        name="dbt_marts",
        dagster_dbt_translator=Translator(settings),
        pool=POOL,
    )
    def marts(context: dg.AssetExecutionContext, dbt: DbtResource) -> Iterator[object]:
        """Run dbt over what is selected: models and their tests."""
        run = dbt.cli(["build"], context=context)
        # Rows and columns can be asked for once dbt has let go of the catalogue: dagster-dbt would wait for that in a busy loop.
        run.is_successful()
        yield from run.stream().fetch_row_counts().fetch_column_metadata()

    return [catalogue, marts]
