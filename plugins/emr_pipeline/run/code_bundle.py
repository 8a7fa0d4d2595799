"""The code that the cluster runs, gathered from the repository: one version is one set of files."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emr_pipeline.errors import CodeNotFoundError

LIBRARY = "image_features"
# What `image_features.zip` holds, by the folders of the repository that hold it.
PACKAGES = {LIBRARY: f"spark_jobs/{LIBRARY}", "run_contract": "run_contract"}
# A zip of the same files is the same bytes: the format cannot say less than this.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
VERSION = re.compile(r"[0-9a-f]{16}")
# Far more than all our code; more would only fill the worker's memory.
MOST_BYTES = 64 * 1024**2
BOOTSTRAP_SCRIPT = re.compile(r"\d+_[a-z0-9_]+\.sh")


@dataclass(frozen=True)
class CodeBundle:
    """The files under one `code/<version>/`, by key, and the version that their contents make."""

    version: str
    files: Mapping[str, bytes]


def gather_code(root: Path, stages: Sequence[str]) -> CodeBundle:
    """Return entry points, zipped packages and bootstrap folder of the repository; raises CodeNotFoundError."""
    jobs = [root / "spark_jobs" / f"{stage}.py" for stage in stages]
    for path in (*jobs, root / "bootstrap", *(root / folder for folder in PACKAGES.values())):
        if not path.exists():
            raise CodeNotFoundError(
                f"{path} is not there: set FRUIT_FEATURES_CODE_ROOT (now {root}) to the folder that holds spark_jobs/, "
                "run_contract/ and bootstrap/, or FRUIT_FEATURES_CODE_URI to an s3:// prefix where the code is staged "
                "already"
            )
    library = {
        f"{package}/{name}": content
        for package, folder in PACKAGES.items()
        for name, content in _sources(root / folder).items()
    }
    bootstrap = {f"bootstrap/{name}": content for name, content in _sources(root / "bootstrap").items()}
    staged = {job.name: job.read_bytes() for job in jobs} | bootstrap
    # Over the sources, not over the zip: the same sources are the same version whatever zlib this Airflow has.
    return CodeBundle(_digest(staged | library), staged | {f"{LIBRARY}.zip": _zipped(library)})


def is_version(files: Mapping[str, bytes], version: str) -> bool:
    """Return whether staged files are those that made this version."""
    try:
        with zipfile.ZipFile(io.BytesIO(files[f"{LIBRARY}.zip"])) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                return False
            library = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error):
        return False
    return _digest({name: files[name] for name in files if name != f"{LIBRARY}.zip"} | library) == version


def bootstrap_scripts(names: Iterable[str]) -> list[str]:
    """List the numbered scripts among the names in the order of their numbers; other files are there for the scripts.

    >>> bootstrap_scripts(["10_b.sh", "requirements.txt", "2_a.sh"])
    ['2_a.sh', '10_b.sh']
    """
    scripts = [name for name in names if BOOTSTRAP_SCRIPT.fullmatch(name)]
    return sorted(scripts, key=lambda script: (int(script.partition("_")[0]), script))


def _sources(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative name, without what Python or an editor left there."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in files.items()
        if path.suffix != ".pyc" and not any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    }


def _digest(files: Mapping[str, bytes]) -> str:
    sha = hashlib.sha256()
    for name in sorted(files):
        sha.update(f"{len(name)}:{name}:{len(files[name])}:".encode())
        sha.update(files[name])
    return sha.hexdigest()[:16]


def _zipped(library: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(library):
            entry = zipfile.ZipInfo(name, date_time=ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, library[name])
    return buffer.getvalue()
