"""A node of the tests' own: a folder for its environment, and an `aws` command that copies files."""

import base64
import hashlib
import io
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emr_pipeline.run.wheels import wheels_key

REPOSITORY = Path(__file__).resolve().parents[2]
BOOTSTRAP = REPOSITORY / "bootstrap"
AWS_COMMAND = """#!/usr/bin/env bash
# aws s3 cp --no-progress [--recursive] s3://bucket/key FILE, from a folder
set -eu
[[ "$1 $2 $3" == "s3 cp --no-progress" ]]
shift 3
if [[ $1 == --recursive ]]; then cp -r "$BUCKETS/${2#s3://}" "$3"; else cp "$BUCKETS/${1#s3://}" "$2"; fi
"""


@dataclass(frozen=True)
class Wheel:
    """A package of one empty module."""

    name: str
    version: str = "1.0"

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}-py3-none-any.whl"

    @property
    def content(self) -> bytes:
        folder = f"{self.name}-{self.version}.dist-info"
        files = {
            f"{self.name}.py": "",
            f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n",
            f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        records = [f"{name},sha256={_record_hash(text)},{len(text)}" for name, text in files.items()]
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in (files | {f"{folder}/RECORD": "\n".join([*records, f"{folder}/RECORD,,"])}).items():
                archive.writestr(zipfile.ZipInfo(name), text)
        return buffer.getvalue()

    @property
    def pin(self) -> str:
        return f"{self.name}=={self.version} \\\n    --hash=sha256:{hashlib.sha256(self.content).hexdigest()}\n"


def _record_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Node:
    """Runs bootstrap actions as a cluster does: with the environment's folder and the URIs of lock and wheels."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    requirements_uri: str = "s3://fruit-features/code/1/bootstrap/requirements.txt"
    wheels_uri: str = "s3://fruit-features/wheels"

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    def stage(self, lock: str, *wheels: Wheel) -> None:
        """Put a lock and the checker where the cluster's code lies, and wheels where those of the lock lie."""
        bucket = self.folder / "buckets" / "fruit-features"
        staged, beside = bucket / "code" / "1" / "bootstrap", bucket / "wheels" / wheels_key(lock.encode())
        for folder in (staged, beside):
            folder.mkdir(parents=True, exist_ok=True)
        (staged / "requirements.txt").write_text(lock)
        (staged / "check_environment.py").write_bytes((BOOTSTRAP / "check_environment.py").read_bytes())
        for wheel in wheels:
            (beside / wheel.file_name).write_bytes(wheel.content)

    def run(self, script: str, venv: Path | None = None, region: str = "eu-west-1") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BOOTSTRAP / script), str(venv or self.venv), self.requirements_uri, self.wheels_uri, region],
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
    (commands / "python3.11").symlink_to(base_python())
    return Node(tmp_path, _environment(commands, os.environ) | {"BUCKETS": str(tmp_path / "buckets")})


def _environment(commands: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in inherited.items() if not name.startswith(("AWS_", "PYTHON", "VIRTUAL_ENV"))}
    # There is no package index that a node could reach.
    index = {"PIP_INDEX_URL": "http://127.0.0.1:9/no-index", "PIP_CONFIG_FILE": os.devnull}
    return kept | index | {"PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin"}


def base_python() -> str:
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
