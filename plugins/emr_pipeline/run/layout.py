"""The URIs of a run and of a bucket: the one place that makes them, of the contract's places."""

import hashlib
import re
from dataclasses import dataclass

from run_contract.params import RUN_LENGTH, RUN_PATTERN
from run_contract.stages import PLACES

WRITTEN_FOLDERS = frozenset(
    {"code", "landed", "messages", "wheels", *(place.path.partition("/")[0] for place in PLACES.values())}
)
"""Folders of the project's own bucket that runs and deployments write."""


def run_prefix(run_id: str) -> str:
    """Return the name of a run's folder, from an Airflow run id.

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
        """Return the layout of the run whose folder this is, null for a URI that is no run's folder."""
        match = re.fullmatch(r"s3://([^/]+)/runs/([^/]+)", run_uri)
        return cls(match[1], match[2]) if match and re.fullmatch(RUN_PATTERN, match[2]) else None

    @property
    def run_uri(self) -> str:
        return f"s3://{self.bucket}/runs/{self.run}"

    @property
    def validation_uri(self) -> str:
        """The audit, for programs."""
        return f"{self.uri('report')}/validation.json"

    @property
    def report_page_uri(self) -> str:
        """The audit, for people."""
        return f"{self.uri('report')}/index.html"

    @property
    def explorer_uri(self) -> str:
        """The map of the photographs."""
        return f"{self.uri('report')}/explorer.html"

    def uri(self, place: str, stage: str = "") -> str:
        """Return the URI of a place by its name in the contract; raises KeyError for one that there is not."""
        if place not in PLACES:
            raise KeyError(f"{place!r} is no place of a run; those are {', '.join(sorted(PLACES))}")
        return f"s3://{self.bucket}/{PLACES[place].path.format(run=self.run, stage=stage)}"

    def stats_uri(self, stage: str) -> str:
        return self.uri("stats", stage)

    def progress_uri(self, stage: str) -> str:
        return self.uri("progress", stage)


def published_uri(bucket: str) -> str:
    """Return the URI of the pointer that readers follow."""
    return RunLayout(bucket, "").uri("published")


def snapshot_uri(bucket: str, snapshot: str) -> str:
    """Return the URI of one snapshot's document, whether or not it is the latest."""
    return f"s3://{bucket}/published/{snapshot}.json"


def card_uri(bucket: str, snapshot: str) -> str:
    """Return the URI of a snapshot's data card."""
    return f"s3://{bucket}/published/{snapshot}/README.md"


def landed_uri(bucket: str) -> str:
    """Return the URI of the last signal that new photographs have landed."""
    return f"s3://{bucket}/landed/latest.json"


def message_uri(bucket: str, fact: str) -> str:
    """Return the URI of the message that told a fact."""
    return f"s3://{bucket}/messages/{run_prefix(fact)}.json"


def code_uri(bucket: str, version: str) -> str:
    """Return the URI where one version of the code for the cluster lies."""
    return f"s3://{bucket}/code/{version}"


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key (or prefix, which may be empty) of an s3:// URI; EMR hands back its LogUri as s3n://."""
    scheme, _, rest = uri.partition("://")
    if scheme not in ("s3", "s3a", "s3n") or not rest:
        raise ValueError(f"{uri!r} is no s3:// URI")
    bucket, _, key = rest.partition("/")
    return bucket, key


def object_of(uri: str) -> dict[str, str]:
    """Return an s3:// URI as S3's requests for one object take it.

    >>> object_of("s3://pictures/runs/r/stats/reduce_features.json")
    {'Bucket': 'pictures', 'Key': 'runs/r/stats/reduce_features.json'}
    """
    bucket, key = split_uri(uri)
    return {"Bucket": bucket, "Key": key}
