"""The engine from sources other than this checkout's: a commit before, or the same with another hash.

Its programs run in this environment's Python, with this environment's libraries: the tree's folders stand
before the installed ones, and so does the metadata by which its services are found.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_METADATA = "metadata"


class Sources:
    """A tree of the engine's sources, as a checkout has them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        members = [tomllib.loads(path.read_text()) for path in sorted(root.glob("*/pyproject.toml"))]
        self._metadata = root / _METADATA
        for member in members:
            self._describe(member["project"])
        program = next(
            member["project"]["scripts"]["maker"] for member in members if "scripts" in member["project"]
        )
        self._package = program.partition(":")[0].partition(".")[0]

    def _describe(self, project: dict[str, Any]) -> None:
        """What `importlib.metadata` finds of an installed package."""
        name, version = project["name"], project["version"]
        folder = self._metadata / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [
            line
            for group, points in project.get("entry-points", {}).items()
            for line in (f"[{group}]", *(f"{point} = {place}" for point, place in points.items()))
        ]
        (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")

    @property
    def env(self) -> dict[str, str]:
        """What a program of these sources has to find in its environment."""
        services = sorted(path.parent for path in self.root.glob("*-*/pyproject.toml"))  # others are packages
        folders = [self._metadata, self.root, *services]
        return {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONSAFEPATH": "1", "NO_COLOR": "1"}

    @property
    def compares_accounts(self) -> bool:
        """Does a start compare ledger and account? Code of before knows no `inventory.reserved` either."""
        return (self.root / "schemas" / "inventory_settings.py").exists()

    @property
    def maker(self) -> tuple[str, ...]:
        """The command line's `maker`, to be run with `env`."""
        return sys.executable, "-m", self._package


def sources_of(commit: str, folder: Path) -> Sources:
    """The sources of a commit; raises CalledProcessError where the history does not reach that far."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return Sources(folder)


def short_name(commit: str) -> str:
    """A commit's name in seven digits; raises CalledProcessError where there is none."""
    command = ["git", "rev-parse", "--short=7", "--verify", f"{commit}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def other_sources(folder: Path) -> Sources:
    """The commit before this one; where the history ends here, this one, with another hash than today's."""
    try:
        sources = sources_of("HEAD~1", folder)
    except subprocess.CalledProcessError:
        sources = copied(folder)
    for package in ("runtime", "chassis"):
        path = sources.root / package / "__init__.py"
        if path.exists():
            path.write_text(path.read_text(encoding="utf-8") + "\n# other sources\n", encoding="utf-8")
    return sources


def copied(folder: Path) -> Sources:
    """Of this checkout's members, as they lie here."""
    for member in ROOT.glob("*/pyproject.toml"):
        name = member.parent.name
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    return Sources(folder)
