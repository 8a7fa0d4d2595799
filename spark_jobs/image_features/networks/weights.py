"""A backbone's weights on the driver: a file that was staged, that Keras publishes or that the user has, or a seed."""

import hashlib
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from image_features.errors import ImageFeaturesError
from image_features.networks.backbones import Backbone, PublishedWeights
from image_features.networks.download import DownloadError, download
from image_features.storage import objects
from run_contract.weights import IMAGENET, seed_of

logger = logging.getLogger(__name__)


class WeightsUnavailableError(ImageFeaturesError):
    """The weights cannot be had from where the user asks for them."""

    def __init__(self, backbone: str, source: str, models_uri: str, detail: str) -> None:
        self.backbone, self.source, self.models_uri, self.detail = backbone, source, models_uri, detail
        super().__init__(
            f"weights {source!r} of {backbone} cannot be had: {detail}. Three ways out: run once from a machine with "
            f"internet and the same bucket, which stages them under {models_uri}; pass a file of your own, "
            "--weights s3://bucket/key or a path; or --weights random:0, only to try the pipeline"
        )


@dataclass(frozen=True)
class FoundWeights:
    """Either a file and its SHA-256, or the seed of weights that were never trained."""

    source: str
    path: Path | None = None
    sha256: str | None = None
    seed: int | None = None


def find_weights(source: str, backbone: Backbone, models_uri: str, folder: Path) -> FoundWeights:
    """Return the weights that `source` names: `imagenet`, `random:<seed>`, an s3:// URI or a local path.

    A file that is fetched is written to `folder`. Raises WeightsUnavailableError.
    """
    seed = seed_of(source)
    if seed is not None:
        return FoundWeights(source, seed=seed)
    try:
        path = _imagenet(backbone, models_uri, folder) if source == IMAGENET else _own(source, folder)
    except (ImageFeaturesError, OSError) as error:
        raise WeightsUnavailableError(backbone.name, source, models_uri, str(error)) from error
    return FoundWeights(source, path, sha256_of(path))


def known_sha256(source: str, backbone: Backbone, models_uri: str) -> str | None:
    """Return the SHA-256 of the file that `find_weights` would find, None if that file is not in S3 or here yet.

    `source` names a file: `imagenet`, an s3:// URI or a local path.
    """
    if source == IMAGENET:
        pointer = objects.find_json(_pointer_uri(backbone, models_uri))
        return pointer["sha256"] if pointer else None
    with tempfile.TemporaryDirectory() as folder:
        return sha256_of(_own(source, Path(folder)))


def _own(source: str, folder: Path) -> Path:
    if not source.startswith("s3://"):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"{source}: there is no such file on the machine of the driver")
        return path
    path = folder / source.rpartition("/")[2]
    objects.download(source, str(path))
    return path


def _imagenet(backbone: Backbone, models_uri: str, folder: Path) -> Path:
    """Return Keras's own file as an earlier run staged it; else fetch it, and stage it for all later runs."""
    if backbone.imagenet is None:
        raise DownloadError(f"nobody publishes ImageNet weights for {backbone.name}")
    pointer_uri = _pointer_uri(backbone, models_uri)
    pointer = objects.find_json(pointer_uri)
    if pointer:
        return _staged(pointer, folder)
    path = folder / backbone.imagenet.file_name
    _fetch(backbone.imagenet, path)
    sha256 = sha256_of(path)
    uri = f"{models_uri}/{sha256}/{path.name}"
    objects.upload(str(path), uri)
    # Two runs may come here at once: the pointer of the first one stays, and both files have the same content.
    objects.write_json_if_absent(pointer_uri, {"uri": uri, "sha256": sha256})
    logger.info("weights of %s are staged: %s", backbone.name, uri)
    return path


def _staged(pointer: dict[str, str], folder: Path) -> Path:
    path = _own(pointer["uri"], folder)
    sha256 = sha256_of(path)
    if sha256 != pointer["sha256"]:
        raise DownloadError(f"{pointer['uri']} is not what was staged: its SHA-256 is {sha256}; delete it")
    return path


def _fetch(published: PublishedWeights, path: Path) -> None:
    cached = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models" / published.file_name
    if cached.is_file():
        shutil.copyfile(cached, path)
    else:
        download(published.url, path)
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    if published.md5 not in (None, md5):
        raise DownloadError(f"{published.url}: the downloaded file has another MD5 than Keras expects")


def _pointer_uri(backbone: Backbone, models_uri: str) -> str:
    return f"{models_uri}/{backbone.name}-imagenet.json"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
