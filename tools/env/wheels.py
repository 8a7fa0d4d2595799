"""`make wheels`: the wheels from which nodes are installed, in one folder, for the upload into the bucket.

    python -m tools.env.wheels [LOCK]

LOCK is a file of bootstrap/, by default that of the default engine. A folder of wheels is named by its lock, so it is
downloaded and uploaded once for each lock.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from emr_pipeline.run.wheels import (
    DEFAULT_LOCK,
    LOCKS,
    PYTHON_VERSION,
    missing_wheels,
    node_pins,
    upload_commands,
    wheels_key,
)
from tools.errors import ToolError, run_tool
from tools.local.home import REPOSITORY, LocalHome

# Amazon Linux 2023 has glibc 2.34, and runs wheels for every older one.
GLIBC_MINORS = range(5, 35)
PLATFORMS = ["linux_x86_64", "manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64"]


class WheelsError(ToolError):
    """Wheels that cannot be downloaded."""


def download_wheels(lock: bytes, folder: Path, pip: Sequence[str]) -> None:
    """Fill `folder` with the wheels of a lock for a node's platform, each of which has a locked hash."""
    platforms = PLATFORMS + [f"manylinux_2_{minor}_x86_64" for minor in GLIBC_MINORS]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pin.line for pin in node_pins(lock)))
        file.flush()
        command = [*pip, "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON_VERSION]
        command += [word for platform in platforms for word in ("--platform", platform)]
        done = subprocess.run([*command, "--dest", str(folder), "--requirement", file.name], check=False)
    missing = missing_wheels(lock, (path.name for path in folder.iterdir()))
    if done.returncode or missing:
        raise WheelsError(f"pip could not download all wheels into {folder} (the lines above); missing: {missing}")


def pip_command(home: LocalHome) -> list[str]:
    """Return how to run a pip; raise WheelsError where there is none."""
    # The environment of uv has one where Python brings it; else the system's Python has it.
    candidates = (home.root / "envs" / "uv" / "bin" / "python", Path(sys.base_prefix) / "bin" / "python3")
    for python in candidates:
        command = [str(python), "-m", "pip"]
        if (
            python.exists()
            and subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0
        ):
            return command
    raise WheelsError(f"none of {', '.join(map(str, candidates))} has pip; install python3-pip")


def main(arguments: Sequence[str]) -> None:
    name = arguments[0] if arguments else DEFAULT_LOCK
    if name not in LOCKS.values():
        raise WheelsError(f"LOCK={name}: give one of {', '.join(LOCKS.values())}")
    home = LocalHome.from_environment()
    root, lock = home.root / "wheels", (REPOSITORY / "bootstrap" / name).read_bytes()
    folder = root / wheels_key(lock)
    if not folder.is_dir() or missing_wheels(lock, (path.name for path in folder.iterdir())):
        download_wheels(lock, folder, pip_command(home))
    size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    upload = upload_commands(name, "s3://<bucket>/wheels", str(root))[1]
    print(f"{folder} has the wheels of {name}, {size_mb:.0f} MB; next:\n  {upload}")


if __name__ == "__main__":
    run_tool(main)
