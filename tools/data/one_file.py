"""Brings a file of this machine, or a network, into the bucket, under the SHA-256 of its content."""

import hashlib
import os
import shutil
from pathlib import Path

from run_contract.network_file import NetworkFileError, check_files, parse_description
from tools.errors import LabelsFileError, WeightsFileError
from tools.local.home import BUCKET, LocalHome


def bring_file(path: Path, folder: str, home: LocalHome) -> str:
    """Place the file under <folder>/<sha256>/ of the bucket, unless it is there, and return its URI."""
    sha256 = sha256_of(path)
    _place(path, home.bucket_path / folder / sha256 / path.name, home)
    return f"s3://{BUCKET}/{folder}/{sha256}/{path.name}"


def bring_network(path: Path, home: LocalHome) -> str:
    """Place a description of one's own network with its model under models/<its sha256>/, and return its URI.

    Raises WeightsFileError for a description that cannot be used, and for a model that is not the one it names.
    """
    try:
        described = parse_description(path.read_bytes())
        beside = {name: path.with_name(name) for name in described.files}
        check_files(described, {name: file.stat().st_size if file.is_file() else None for name, file in beside.items()})
        for name, file in beside.items():
            if (found := sha256_of(file)) != described.files[name]:
                raise NetworkFileError(f"{name} has the SHA-256 {found}, and its description names another one")
    except NetworkFileError as error:
        raise WeightsFileError(f"WEIGHTS={path}: {error}; see docs/networks.md") from error
    folder = home.bucket_path / "models" / sha256_of(path)
    for file in (*beside.values(), path):
        _place(file, folder / file.name, home)
    return f"s3://{BUCKET}/models/{folder.name}/{path.name}"


def sha256_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _place(path: Path, target: Path, home: LocalHome) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = home.root / f"{target.parent.name}-{os.getpid()}.draft"
        shutil.copyfile(path, draft)
        draft.replace(target)


def bring_labels(labels: str | None, home: LocalHome) -> str | None:
    """Return the DAG's `labels` for what a person wrote: the URI of a labels file, null for none."""
    if labels is None or labels.startswith("s3://"):
        return labels
    path = Path(labels).expanduser()
    if not path.is_file():
        raise LabelsFileError(f"LABELS={labels}: no such file; give a CSV or Parquet file, or its s3:// URI")
    return bring_file(path, "labels", home)
