"""Every error the stages raise on purpose: each names what is wrong, where, and what to do about it."""

from collections.abc import Mapping, Sequence
from typing import Any


class ImageFeaturesError(Exception):
    """Base of them all; a job that ends with one logs its message as the last line and exits 1."""

    def __reduce__(self) -> Any:
        # By itself an exception is unpickled from its message, which is not what the constructors here take.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(error_class: type[ImageFeaturesError], args: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    error = error_class.__new__(error_class)
    error.args = args
    error.__dict__.update(attributes)
    return error


class ProcessLostError(ImageFeaturesError):
    """A process of the driver's own ended without an answer."""

    def __init__(self, work: str, exit_code: int | None) -> None:
        self.work, self.exit_code = work, exit_code
        super().__init__(
            f"{work}: its process ended with exit code {exit_code}; -9 is a kill, as by a machine that has no memory "
            "left: give the driver's node more; for any other, read the traceback above"
        )


class ArgumentError(ImageFeaturesError):
    """A job was called with an argument that it refuses."""

    def __init__(self, argument: str, value: object, expected: str) -> None:
        self.argument, self.value, self.expected = argument, value, expected
        super().__init__(f"{argument}: {value!r} is refused; expected {expected}")


class CommandLineError(ImageFeaturesError):
    """A job was called with an option missing, unknown or malformed."""

    def __init__(self, job: str, detail: str) -> None:
        self.job, self.detail = job, detail
        super().__init__(f"{job}: {detail}; see {job}.py --help")


class SchemaMismatchError(ImageFeaturesError):
    """A dataset's columns are not those its schema promises."""

    def __init__(self, uri: str, missing: Sequence[str], unexpected: Sequence[str]) -> None:
        self.uri, self.missing, self.unexpected = uri, tuple(missing), tuple(unexpected)
        super().__init__(
            f"{uri}: missing columns {list(missing)}, unexpected {list(unexpected)}; "
            "was it written by an older version? delete the run's prefix and run again"
        )


class MissingDatasetError(ImageFeaturesError):
    """A dataset that a stage reads is not there."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"{uri}: there is no such dataset; run the stage that writes it first, in the same run")


class ObjectStoreError(ImageFeaturesError):
    """The object store refused a request or did not answer."""

    def __init__(self, uri: str, code: str, detail: str) -> None:
        self.uri, self.code, self.detail = uri, code, detail
        super().__init__(f"{uri}: {code}: {detail}; check the endpoint (AWS_ENDPOINT_URL), its disk and the region")


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
    """The job's role may not do what it tried."""

    def __init__(self, uri: str, action: str) -> None:
        self.uri, self.action = uri, action
        super().__init__(f"{uri}: {action} is denied; allow it to the cluster's instance profile")


class SourceNotFoundError(ImageFeaturesError):
    """The bucket of the photographs does not exist."""

    def __init__(self, source_uri: str) -> None:
        self.source_uri = source_uri
        super().__init__(f"{source_uri}: the source's bucket does not exist; correct source_uri, or create the bucket")


class EmptySourceError(ImageFeaturesError):
    """Not one object lies under the source."""

    def __init__(self, source_uri: str) -> None:
        self.source_uri = source_uri
        super().__init__(
            f"{source_uri}: not one object lies under this prefix; upload photographs there, or correct source_uri"
        )


class NoImagesError(ImageFeaturesError):
    """Objects were found, and none of them is an image."""

    def __init__(self, source_uri: str, rejects: Mapping[str, int]) -> None:
        self.source_uri, self.rejects = source_uri, dict(rejects)
        super().__init__(
            f"{source_uri}: not one of its {sum(rejects.values())} objects is an image ({dict(rejects)}); "
            "correct source_uri, or look at the rejects for why"
        )


class UnknownBackboneError(ImageFeaturesError):
    """No backbone has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"--backbone: there is no backbone {name!r}; choose one of {', '.join(known)}")


class WeightsUnavailableError(ImageFeaturesError):
    """The weights could not be had from where they were asked for."""

    def __init__(self, backbone: str, source: str, models_uri: str, detail: str) -> None:
        self.backbone, self.source, self.models_uri, self.detail = backbone, source, models_uri, detail
        super().__init__(
            f"weights {source!r} of {backbone} cannot be had: {detail}. Three ways out: run once from a machine with "
            f"internet and the same bucket, which stages them under {models_uri}; pass a file of your own, "
            "--weights s3://bucket/key or a path; or --weights random:0, only to try the pipeline"
        )


class WeightsMismatchError(ImageFeaturesError):
    """A weights file does not fit the backbone it was given for."""

    def __init__(self, backbone: str, expected: int, weights: str, detail: str) -> None:
        self.backbone, self.expected, self.weights, self.detail = backbone, expected, weights, detail
        super().__init__(
            f"{weights}: these weights do not fit {backbone}, which has {expected:,} parameters without its "
            f"classifier: {detail}; pass the file that was saved from this backbone, or choose the other backbone"
        )


class EngineError(ImageFeaturesError):
    """An engine cannot do what it is asked to on this machine."""

    def __init__(self, engine: str, asked: str, reason: str, remedy: str) -> None:
        self.engine, self.asked = engine, asked
        super().__init__(f"engine {engine}: {asked} is not possible here: {reason}; {remedy}")


class TooManyRejectsError(ImageFeaturesError):
    """More of the images were rejected than the run allows."""

    def __init__(self, rejects_uri: str, share: float, limit: float) -> None:
        self.rejects_uri, self.share, self.limit = rejects_uri, share, limit
        super().__init__(
            f"{rejects_uri}: {share:.1%} of the images were rejected, the limit is {limit:.1%}; "
            "read their reasons there, then mend the source or raise max_reject_share"
        )


class MissingVectorsError(ImageFeaturesError):
    """The feature store lacks what a run needs of it, and what it should have by then."""

    def __init__(self, uri: str, count: int, lack: str) -> None:
        self.uri, self.count, self.lack = uri, count, lack
        super().__init__(
            f"{uri}: of {count} of the run's images {lack}; was the feature store changed while the run was on, or the "
            "weights? Clear ingest_images, which fetches what is not known"
        )


class DamagedFileError(ImageFeaturesError):
    """A Parquet file is not whole, or is none."""

    def __init__(self, uri: str, detail: str) -> None:
        self.uri, self.detail = uri, detail
        super().__init__(
            f"{uri}: cannot be read: {' '.join(detail.split())}; if it lies in feature_store/, delete it, for what is "
            "missing there is computed again; then clear ingest_images"
        )
