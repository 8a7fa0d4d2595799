"""Brings one file of this machine into the bucket, under the SHA-256 of its content."""

import hashlib
import os
import shutil
from pathlib import Path

from tools.errors import LabelsFileError
from tools.local.home import BUCKET, LocalHome


def bring_file(path: Path, folder: str, home: LocalHome) -> str:
    """Place the file under <folder>/<sha256>/ of the bucket, unless it is there, and return its URI."""
    with path.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    target = home.bucket_path / folder / sha256 / path.name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = home.root / f"{folder}-{os.getpid()}.draft"
        shutil.copyfile(path, draft)
        draft.replace(target)
    return f"s3://{BUCKET}/{folder}/{sha256}/{path.name}"


def bring_labels(labels: str | None, home: LocalHome) -> str | None:
    """Return the DAG's `labels` for what a person wrote: the URI of a labels file, null for none."""
    if labels is None or labels.startswith("s3://"):
        return labels
    path = Path(labels).expanduser()
    if not path.is_file():
        raise LabelsFileError(f"LABELS={labels}: no such file; give a CSV or Parquet file, or its s3:// URI")
    return bring_file(path, "labels", home)
