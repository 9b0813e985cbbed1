# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""``python -m benchmarks.faults.full WORLD FOLDER``: fill a file system that was mounted for this process alone."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from benchmarks.faults.world import World, run, settings_of
from codecommons.errors import CodeCommonsError


def main(pickled: Path, folder: Path) -> int:
    """Run until the disk is full, make room, and run again; 1 when that ends in another way than it should."""
    world: World = pickle.loads(pickled.read_bytes())
    home = folder / "home"
    try:
        run(settings_of(world.furnish(home)), world.items)
        print("came through")
    except CodeCommonsError as error:
        print(error)
        if "full" not in str(error):
            return 1
    except OSError as error:  # what is copied before there is a lake
        print(error)
    subprocess.run(["mount", "-o", "remount,size=500m", str(folder)], check=True)
    wrong = world.finish(settings_of(world.furnish(home)))
    print(wrong)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
