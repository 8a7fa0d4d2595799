"""Finds the file of a backbone's weights on the driver: staged, published by Keras, or one's own; or a seed instead."""

import hashlib
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from image_features.errors import ImageFeaturesError, WeightsUnavailableError
from image_features.networks.backbones import Backbone, PublishedWeights
from image_features.networks.download import DownloadError, download
from image_features.storage import objects
from run_contract.weights import IMAGENET, seed_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundWeights:
    """Either a file and its SHA-256, or the seed of weights that were never trained."""

    source: str
    path: Path | None = None
    sha256: str | None = None
    seed: int | None = None


def find_weights(source: str, backbone: Backbone, models_uri: str, folder: Path) -> FoundWeights:
    """`source` is `imagenet`, `random:<seed>`, an s3:// URI or a local path; what is fetched lies in `folder`.

    Raises WeightsUnavailableError.
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
    """Of the file that `find_weights` would find in S3 or here; None where it would have to come from the Internet.

    `source` names a file: `imagenet`, an s3:// URI or a local path.
    """
    if source == IMAGENET:
        pointer_uri = f"{models_uri}/{backbone.name}-imagenet.json"
        return objects.read_json(pointer_uri)["sha256"] if objects.exists(pointer_uri) else None
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
    """Keras's own file, from where an earlier run staged it; else it is fetched, and staged for all later runs."""
    if backbone.imagenet is None:
        raise DownloadError(f"nobody publishes ImageNet weights for {backbone.name}")
    pointer_uri = f"{models_uri}/{backbone.name}-imagenet.json"
    if objects.exists(pointer_uri):
        return _staged(objects.read_json(pointer_uri), folder)
    path = folder / backbone.imagenet.file_name
    _fetch(backbone.imagenet, path)
    sha256 = sha256_of(path)
    uri = f"{models_uri}/{sha256}/{path.name}"
    objects.upload(str(path), uri)
    # Two runs may get here at once: the pointer of the first stands, and both files have the same content.
    objects.write_json_if_absent(pointer_uri, {"uri": uri, "sha256": sha256})
    logger.info("weights of %s are staged: %s", backbone.name, uri)
    return path


def _staged(pointer: dict[str, str], folder: Path) -> Path:
    path = _own(pointer["uri"], folder)
    if sha256_of(path) != pointer["sha256"]:
        raise DownloadError(f"{pointer['uri']} is not what was staged: its SHA-256 is {sha256_of(path)}; delete it")
    return path


def _fetch(published: PublishedWeights, path: Path) -> None:
    cached = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models" / published.file_name
    if cached.is_file():
        shutil.copyfile(cached, path)
    else:
        download(published.url, path)
    if published.md5 and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != published.md5:
        raise DownloadError(f"{published.url}: the file that came has another MD5 than Keras expects")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
