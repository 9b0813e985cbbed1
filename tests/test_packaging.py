# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""The wheel is the product: it must hold everything, install without the checkout, and load there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("codecommons", "resources", "assets", "codecommons_dagster")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel alone; what it depends on comes from this environment."""
    target = tmp_path_factory.mktemp("installed")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-index",
        "--target",
        target,
        wheel,
    ]
    subprocess.run(pip, check=True)
    # Numba knows a module by its time and size; what it made of the checkout's would take 30 s of a core to make again.
    for kept in ROOT.glob("codecommons/**/__pycache__/*.nb[ci]"):
        shutil.copy(kept, target / kept.parent.relative_to(ROOT))
    for module in target.glob("codecommons/**/*.py"):
        shutil.copystat(ROOT / module.relative_to(target), module)
    return target


def outside(installed: Path, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder that is no checkout, with the installed wheel first on its path."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1", "CODECOMMONS_HOME": str(home)}
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=home, env=environment, check=False)


def test_the_wheel_holds_every_module_and_data_file_of_the_four_packages_and_nothing_else(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(["git", "ls-files", *PACKAGES, "dbt"], capture_output=True, text=True, cwd=ROOT, check=True)
    expected = {f"codecommons_dagster/{path}" if path.startswith("dbt/") else path for path in tracked.stdout.splitlines()}
    assert "codecommons_dagster/dbt/dbt_project.yml" in expected
    assert not expected - held
    packaged = {path for path in held if ".dist-info/" not in path}
    assert {path.partition("/")[0] for path in packaged} == set(PACKAGES)


def test_the_installed_wheel_loads_the_code_location_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = (
        "import assets, codecommons, codecommons_dagster, resources\n"
        "from codecommons_dagster.build import build_defs\n"
        "groups = {spec.group_name for spec in build_defs().resolve_all_asset_specs()}\n"
        "print(codecommons.__file__, *sorted(groups), sep='\\n')"
    )
    done = outside(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    where, *groups = done.stdout.splitlines()
    assert where.startswith(str(installed))
    assert {"raw_archive_slice", "enriched_context", "license_qualified", "deduped", "training_shards"} <= set(groups)


def test_the_installed_command_line_finds_its_annotators_and_policies(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("# SPDX-License-Identifier: MIT\nprint(1)\n")
    done = outside(installed, tmp_path, "-c", "from codecommons_dagster.cli import main; main()", "annotate", "one.py", "--json")
    assert done.returncode == 0, done.stderr
    assert '"license": "MIT"' in done.stdout
    assert '"language": "Python"' in done.stdout


def test_the_workspace_and_dg_name_the_same_code_location() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    assert workspace == {
        "load_from": [
            {
                "python_module": {
                    "module_name": project["code_location_target_module"],
                    "location_name": project["code_location_name"],
                    "working_directory": ".",
                }
            }
        ]
    }
    assert project["code_location_target_module"].startswith(f"{project['root_module']}.")


def test_the_lock_pins_what_the_project_asks_for() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")]
    locked = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    # Ray is 200 MB that nobody needs on one machine.
    extras = [wanted for name, extra in project["optional-dependencies"].items() if name != "ray" for wanted in extra]
    for wanted in map(Requirement, [*project["dependencies"], *extras]):
        if wanted.name == project["name"]:
            assert wanted.extras <= set(project["optional-dependencies"])
            continue
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), wanted
