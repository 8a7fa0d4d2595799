"""Where everything of a run lies in the bucket: the one place that makes these URIs."""

import hashlib
import re
from dataclasses import dataclass

RUN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
RUN_LENGTH = 200
# Folders of a run: of files, and Parquet or CSV datasets.
RUN_FOLDERS = frozenset(
    {
        "manifest",
        "images",
        "features",
        "pca_features",
        "pca_features_csv",
        "rejects",
        "model",
        "report",
        "stats",
    }
)


def run_prefix(run_id: str) -> str:
    """The name of a run's folder, from an Airflow run id.

    A run id that is already safe stays as it is. Hadoop's paths stumble over `:` and `+` and hide what begins with `_`
    or `.`; such an id has them replaced, and a hash of the whole id keeps two ids apart that would now look alike.
    """
    if len(run_id) <= RUN_LENGTH and re.fullmatch(RUN_PATTERN, run_id):
        return run_id
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", run_id).lstrip("._-")[: RUN_LENGTH - 13]
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:12]
    return f"{readable or 'run'}-{digest}"


@dataclass(frozen=True)
class RunLayout:
    """The URIs of one run in one bucket; those of folders end without a slash."""

    bucket: str
    run: str

    @classmethod
    def of_uri(cls, run_uri: str) -> "RunLayout | None":
        """The layout of the run whose folder this is; null for a URI that is no run's folder."""
        match = re.fullmatch(r"s3://([^/]+)/runs/([^/]+)", run_uri)
        return cls(match[1], match[2]) if match and re.fullmatch(RUN_PATTERN, match[2]) else None

    @property
    def run_uri(self) -> str:
        return f"s3://{self.bucket}/runs/{self.run}"

    @property
    def models_uri(self) -> str:
        return f"s3://{self.bucket}/models"

    @property
    def feature_store_uri(self) -> str:
        """What earlier runs computed, for every run: a cache."""
        return f"s3://{self.bucket}/feature_store"

    @property
    def inventory_uri(self) -> str:
        """The listing that this run's manifest was made from: one file."""
        return f"{self.run_uri}/inventory.csv.gz"

    @property
    def stats_prefix_uri(self) -> str:
        return self.uri("stats")

    @property
    def log_uri(self) -> str:
        return f"s3://{self.bucket}/logs"

    @property
    def published_uri(self) -> str:
        return published_uri(self.bucket)

    @property
    def validation_uri(self) -> str:
        return f"{self.uri('report')}/validation.json"

    @property
    def report_page_uri(self) -> str:
        return f"{self.uri('report')}/index.html"

    def uri(self, folder: str) -> str:
        """The URI of a folder of this run, by its name; KeyError for one that no stage writes."""
        if folder not in RUN_FOLDERS:
            raise KeyError(f"{folder!r} is no folder of a run; those are {', '.join(sorted(RUN_FOLDERS))}")
        return f"{self.run_uri}/{folder}"

    def stats_uri(self, stage: str) -> str:
        return f"{self.uri('stats')}/{stage}.json"

    def progress_uri(self, stage: str) -> str:
        return f"{self.run_uri}/progress/{stage}.json"


def published_uri(bucket: str) -> str:
    """The pointer that readers follow."""
    return f"s3://{bucket}/published/latest.json"


def snapshot_uri(bucket: str, snapshot: str) -> str:
    """What one snapshot says, whether or not it is the latest."""
    return f"s3://{bucket}/published/{snapshot}.json"


def landed_uri(bucket: str) -> str:
    """The last signal that new photographs have landed."""
    return f"s3://{bucket}/landed/latest.json"


def code_uri(bucket: str, version: str) -> str:
    """Where one version of the code for the cluster lies."""
    return f"s3://{bucket}/code/{version}"


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix, which may be empty) of an s3:// URI; EMR hands back its LogUri as s3n://."""
    scheme, _, rest = uri.partition("://")
    if scheme not in ("s3", "s3a", "s3n") or not rest:
        raise ValueError(f"{uri!r} is no s3:// URI")
    bucket, _, key = rest.partition("/")
    return bucket, key
