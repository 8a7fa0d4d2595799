"""A node of the tests' own: a folder for its environment, and an `aws` command that copies files."""

import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BOOTSTRAP = REPOSITORY / "bootstrap"
AWS_COMMAND = """#!/usr/bin/env bash
# aws s3 cp --no-progress s3://bucket/key FILE, from a folder
set -eu
[[ "$1 $2 $3" == "s3 cp --no-progress" ]]
cp "$BUCKETS/${4#s3://}" "$5"
"""


@dataclass
class Node:
    """Runs bootstrap actions as a cluster does: with the environment's folder and the lock's URI."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    requirements_uri: str = "s3://fruit-features/code/1/bootstrap/requirements.txt"

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    def stage(self, lock: str) -> None:
        """Put a lock and the checker where the cluster's code lies."""
        staged = self.folder / "buckets" / "fruit-features" / "code" / "1" / "bootstrap"
        staged.mkdir(parents=True, exist_ok=True)
        (staged / "requirements.txt").write_text(lock)
        (staged / "check_environment.py").write_bytes((BOOTSTRAP / "check_environment.py").read_bytes())

    def run(self, script: str, venv: Path | None = None, region: str = "eu-west-1") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BOOTSTRAP / script), str(venv or self.venv), self.requirements_uri, region],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def node(tmp_path: Path) -> Node:
    commands = tmp_path / "bin"
    commands.mkdir()
    aws = commands / "aws"
    aws.write_text(AWS_COMMAND)
    aws.chmod(aws.stat().st_mode | stat.S_IXUSR)
    # As on a node of Amazon Linux: a python3.11 on the path, here the one that this environment was made from.
    (commands / "python3.11").symlink_to(_base_python())
    return Node(tmp_path, _environment(commands, os.environ) | {"BUCKETS": str(tmp_path / "buckets")})


def _environment(commands: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in inherited.items() if not name.startswith(("AWS_", "PYTHON", "VIRTUAL_ENV"))}
    return kept | {"PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin"}


def _base_python() -> str:
    import sys

    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
