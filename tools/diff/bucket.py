"""The bucket that is read: a folder of one machine, or a bucket of S3."""

import json
import os
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyarrow import dataset, fs

from tools.errors import ToolError
from tools.local.home import LocalHome

Document = dict[str, Any]


class BucketError(ToolError):
    """A bucket that cannot be read."""

    def __init__(self, name: str, why: Exception) -> None:
        super().__init__(
            f"s3://{name} cannot be read: {why}; check the name, AWS_REGION, and the credentials of this shell"
        )


class Bucket:
    """Documents and Parquet datasets of one bucket, by their URIs."""

    def __init__(self, name: str, files: fs.FileSystem) -> None:
        self.name, self.files = name, files

    @classmethod
    def of_this_machine(cls, home: LocalHome) -> "Bucket":
        """Return the bucket of `make run`, whether or not the endpoint is up."""
        return cls(home.bucket_path.name, fs.SubTreeFileSystem(str(home.bucket_path), fs.LocalFileSystem()))

    @classmethod
    def of_s3(cls, name: str) -> "Bucket":
        """Return a bucket of AWS, or of AWS_ENDPOINT_URL, with the credentials of the environment."""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        try:
            s3 = fs.S3FileSystem(
                region=region or fs.resolve_s3_region(name), endpoint_override=os.environ.get("AWS_ENDPOINT_URL")
            )
        except OSError as error:
            raise BucketError(name, error) from error
        return cls(name, fs.SubTreeFileSystem(name, s3))

    def document(self, key: str) -> Document | None:
        """Return a JSON document, null if there is none or if it is none."""
        try:
            with self.files.open_input_stream(key) as stream:
                content = json.loads(stream.read())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise BucketError(self.name, error) from error
        return content if isinstance(content, dict) else None

    def rows(self, uri: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Return these columns of a dataset, or all of them; null if nothing lies there."""
        parts = [info.path for info in self._found(uri, recursive=True) if info.path.endswith(".parquet")]
        return dataset.dataset(parts, filesystem=self.files).to_table(columns and list(columns)) if parts else None

    def folders(self, uri: str) -> list[str]:
        """Return the URIs of the folders in a folder, in order."""
        found = self._found(uri, recursive=False)
        return sorted(f"s3://{self.name}/{info.path}" for info in found if info.type == fs.FileType.Directory)

    def _found(self, uri: str, recursive: bool) -> list[fs.FileInfo]:
        """Return what lies in a folder; nothing for a folder that is not there, or not in this bucket."""
        prefix = f"s3://{self.name}/"
        if not uri.startswith(prefix):
            return []
        selector = fs.FileSelector(uri.removeprefix(prefix), recursive=recursive, allow_not_found=True)
        return list(self.files.get_file_info(selector))
