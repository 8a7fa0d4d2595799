"""The base of every error that a stage raises on purpose, the errors that several rooms know, and what is no error.

Each error names what is wrong, where, and what to do about it. An error of the networks stands in the module that
raises it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class ImageFeaturesError(Exception):
    """Base of all errors that a stage raises on purpose; the job exits 1, its message the last line of its log."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would restore an exception from its message alone, which is not what the constructors here take.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(error_class: type[Exception], args: tuple[Any, ...], attributes: dict[str, Any]) -> Exception:
    error = error_class.__new__(error_class)
    error.args = args
    error.__dict__.update(attributes)
    return error


class ArgumentError(ImageFeaturesError):
    """A job's argument has a value that the job refuses."""

    def __init__(self, argument: str, value: object, expected: str) -> None:
        super().__init__(f"{argument}: {value!r} is refused; expected {expected}")


class ParamsDisagreeError(ImageFeaturesError):
    """Arguments that are good each by itself do not go together; the message says which, and what to do."""


class CommandLineError(ImageFeaturesError):
    """An option on a job's command line is missing, unknown or malformed."""

    def __init__(self, job: str, detail: str) -> None:
        super().__init__(f"{job}: {detail}; see {job}.py --help")


class SchemaMismatchError(ImageFeaturesError):
    """A dataset's columns are not the columns of its schema."""

    def __init__(self, uri: str, missing: Sequence[str], unexpected: Sequence[str]) -> None:
        self.uri, self.missing, self.unexpected = uri, tuple(missing), tuple(unexpected)
        super().__init__(
            f"{uri}: missing columns {list(missing)}, unexpected {list(unexpected)}; "
            "was it written by an older version? delete the run's prefix and run again"
        )


class MissingDatasetError(ImageFeaturesError):
    """A dataset that a stage reads does not exist."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"{uri}: there is no such dataset; run the stage that writes it first, in the same run")


class ObjectStoreError(ImageFeaturesError):
    """The object store refused a request or did not answer."""

    def __init__(self, uri: str, code: str, detail: str) -> None:
        self.uri, self.code, self.detail = uri, code, detail
        super().__init__(
            f"{uri}: {code}: {detail}; check the region and the way to S3; on one machine, check the endpoint "
            "(AWS_ENDPOINT_URL) and its disk"
        )


class NoCredentialsError(ImageFeaturesError):
    """Nothing on this machine gives credentials for AWS."""

    def __init__(self) -> None:
        super().__init__(
            "no credentials for AWS: neither the environment nor the metadata service of this machine gave any; check "
            "that the cluster has its instance profile; if it has, the service did not answer in time: clear this task"
        )


class BucketNotFoundError(ImageFeaturesError):
    """A URI names a bucket that does not exist."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"{uri}: its bucket does not exist; create the bucket, or correct its name")


class ObjectNotFoundError(ImageFeaturesError):
    """A URI names an object that does not exist."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"{uri}: there is no such object; correct its name, or write it first")


class AccessDeniedError(ImageFeaturesError):
    """The job's role is not allowed to do what it tried."""

    def __init__(self, uri: str, action: str) -> None:
        self.uri, self.action = uri, action
        super().__init__(
            f"{uri}: {action} is denied; allow it to the cluster's instance profile, by the stack's parameters "
            "SourceBucketName, WeightsBucketName and ReadKeyArns for what lies elsewhere or has a key of your own"
        )


class EmptySourceError(ImageFeaturesError):
    """No object lies under the source."""

    def __init__(self, source_uri: str) -> None:
        super().__init__(
            f"{source_uri}: not one object lies under this prefix; upload photographs there, or correct source_uri"
        )


class NoImagesError(ImageFeaturesError):
    """None of the objects under the source is an image."""

    def __init__(self, source_uri: str, rejects: Mapping[str, int]) -> None:
        super().__init__(
            f"{source_uri}: not one of its {sum(rejects.values())} objects is an image ({dict(rejects)}); "
            "correct source_uri, or look at the rejects for why; if the store refused them, allow s3:GetObject and "
            "kms:Decrypt to the cluster's instance profile"
        )


class MissingVectorsError(ImageFeaturesError):
    """The feature store lacks vectors that this run needs and that must be there at this point."""

    def __init__(self, uri: str, count: int, lack: str) -> None:
        super().__init__(
            f"{uri}: of {count} of the run's images {lack}; was the feature store changed while the run was on, or the "
            "weights? Clear ingest_images, which fetches what is not known"
        )


class RaggedVectorsError(ImageFeaturesError):
    """The vectors of one column are not all of one width."""

    def __init__(self, widths: Sequence[int | None]) -> None:
        super().__init__(
            f"vectors of widths {list(widths)} in one column, expected one width; were features of two backbones "
            "written to one place? delete the run's features and run featurize_images again"
        )


class DamagedFileError(ImageFeaturesError):
    """A Parquet file is damaged, or is not a Parquet file."""

    def __init__(self, uri: str, detail: str) -> None:
        super().__init__(
            f"{uri}: cannot be read: {' '.join(detail.split())}; if it lies in feature_store/, delete it, for what is "
            "missing there is computed again; then clear ingest_images"
        )


class DamagedDocumentError(ImageFeaturesError):
    """A JSON document is damaged, or is another one than its name says."""

    def __init__(self, uri: str, detail: str) -> None:
        super().__init__(
            f"{uri}: cannot be used: {detail}; put back what was there; if it lies in models/, delete it, and the next "
            "run makes it again"
        )


@dataclass(frozen=True)
class Unavailable:
    """Something that is not there, which is no error here: whoever needs it skips what it cannot do and says why.

    `reason` is a clause that a person reads, without a capital letter or a full stop.
    """

    reason: str
