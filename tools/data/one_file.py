"""Brings a file of this machine, or a network, into the bucket, under the SHA-256 of its content."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from run_contract.network_file import NetworkFileError, check_files, parse_description
from tools.errors import BringError, LabelsFileError, WeightsFileError
from tools.local.home import BUCKET, LocalHome


def bring_file(path: Path, folder: str, home: LocalHome) -> str:
    """Place the file under <folder>/<sha256>/ of the bucket, unless it is there, and return its URI.

    Raises BringError for one that cannot be read, or for which there is no room.
    """
    with _told(path):
        sha256 = sha256_of(path)
        _place(path, home.bucket_path / folder / sha256 / path.name, home)
    return f"s3://{BUCKET}/{folder}/{sha256}/{path.name}"


def bring_network(path: Path, home: LocalHome) -> str:
    """Place a description of one's own network with its model under models/<its sha256>/, and return its URI.

    Raises WeightsFileError for a description that cannot be used, and for a model that is not the one it names; or
    BringError, as `bring_file` does.
    """
    with _told(path):
        folder = home.bucket_path / "models" / sha256_of(path)
        for file in (*_model_files(path), path):
            _place(file, folder / file.name, home)
    return f"s3://{BUCKET}/models/{folder.name}/{path.name}"


def _model_files(path: Path) -> list[Path]:
    """Return the files next to a description that it names, once they are what it says; raises WeightsFileError."""
    try:
        described = parse_description(path.read_bytes())
        beside = {name: path.with_name(name) for name in described.files}
        check_files(described, {name: file.stat().st_size if file.is_file() else None for name, file in beside.items()})
        for name, file in beside.items():
            if (found := sha256_of(file)) != described.files[name]:
                raise NetworkFileError(f"{name} has the SHA-256 {found}, and its description names another one")
        return list(beside.values())
    except NetworkFileError as error:
        raise WeightsFileError(f"WEIGHTS={path}: {error}; see docs/networks.md") from error


def sha256_of(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _place(path: Path, target: Path, home: LocalHome) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = home.root / f"{target.parent.name}-{os.getpid()}.draft"
        try:
            shutil.copyfile(path, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BringError(
            f"{path}: cannot be brought into the bucket: {error.strerror} ({error.filename}); free the disk or mend "
            "the file's permissions, and run again"
        ) from error


def bring_labels(labels: str | None, home: LocalHome) -> str | None:
    """Return the DAG's `labels` for what a person wrote: the URI of a labels file, null for none."""
    if labels is None or labels.startswith("s3://"):
        return labels
    path = Path(labels).expanduser()
    if not path.is_file():
        raise LabelsFileError(f"LABELS={labels}: no such file; give a CSV or Parquet file, or its s3:// URI")
    return bring_file(path, "labels", home)
