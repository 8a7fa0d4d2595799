"""A backbone's weights on the driver: a file that was staged, that Keras publishes or that the user has, or a seed."""

import hashlib
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from image_features.errors import DamagedDocumentError, ImageFeaturesError
from image_features.networks.arguments import NetworkArguments
from image_features.networks.backbones import Backbone, PublishedWeights
from image_features.networks.download import DownloadError, download
from image_features.storage import objects
from run_contract.backbones import FILE, pointed_at, pointer_uri
from run_contract.network_file import DescribedNetwork, NetworkFileError, parse_description
from run_contract.weights import IMAGENET, seed_of, unavailable_text

logger = logging.getLogger(__name__)

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class WeightsUnavailableError(ImageFeaturesError):
    """The weights cannot be had from where the user asks for them."""

    def __init__(self, backbone: str, source: str, models_uri: str, detail: str) -> None:
        super().__init__(unavailable_text(source, backbone, models_uri, detail))


class OwnNetworkError(ImageFeaturesError):
    """A network of one's own cannot be used as it is described."""

    def __init__(self, source: str, detail: str) -> None:
        super().__init__(f"weights {source}: {detail}; docs/networks.md says what a network of your own must be")


@dataclass(frozen=True)
class FoundWeights:
    """Either a file and its SHA-256, or the seed of weights that were never trained.

    `place` says for errors where Keras's own file was found. It `is_new` if no run has staged it. Where the file is the
    description of one's own network, `described` is what it says; with it, its SHA-256 stands for those of the model.
    """

    source: str
    path: Path | None = None
    sha256: str | None = None
    seed: int | None = None
    place: str = ""
    is_new: bool = False
    described: DescribedNetwork | None = None


def find_asked(asked: NetworkArguments, folder: Path) -> FoundWeights:
    """Return the weights of a network that was asked for; of one's own network the description, and no model yet.

    Raises WeightsUnavailableError or OwnNetworkError.
    """
    if asked.backbone != FILE:
        return find_weights(asked.weights, asked.architecture, asked.models_uri, folder)
    try:
        path = own_file(asked.weights, folder)
        described = parse_description(path.read_bytes())
    except (NetworkFileError, ImageFeaturesError, OSError) as error:
        raise OwnNetworkError(asked.weights, str(error)) from error
    return FoundWeights(asked.weights, path, sha256_of(path), described=described)


def find_weights(source: str, backbone: Backbone, models_uri: str, folder: Path) -> FoundWeights:
    """Return the weights that `source` names: `imagenet`, `random:<seed>`, an s3:// URI or a local path.

    A file that is fetched is written to `folder`. Raises WeightsUnavailableError.
    """
    seed = seed_of(source)
    if seed is not None:
        logger.warning(
            "RANDOM WEIGHTS (%s): %s was never trained; its features only try the pipeline and mean nothing",
            source,
            backbone.name,
        )
        return FoundWeights(source, seed=seed)
    try:
        if source == IMAGENET:
            return _imagenet(backbone, models_uri, folder)
        path = own_file(source, folder)
        return FoundWeights(source, path, sha256_of(path))
    except (ImageFeaturesError, OSError) as error:
        raise WeightsUnavailableError(backbone.name, source, models_uri, str(error)) from error


def staged_sha256(backbone: Backbone, models_uri: str) -> str | None:
    """Return the SHA-256 of Keras's own file as an earlier run staged it, None if no run did.

    Raises DamagedDocumentError.
    """
    staged = _staged(backbone, models_uri)
    return staged[1] if staged else None


def stage(weights: FoundWeights, backbone: Backbone, models_uri: str) -> None:
    """Keep Keras's own file for all later runs; to be called once it was loaded. Other weights stay where they are."""
    if not weights.is_new or weights.path is None:
        return
    uri = f"{models_uri}/{weights.sha256}/{weights.path.name}"
    objects.upload(str(weights.path), uri)
    # Two runs may come here at once: the pointer of the first one stays, and both files have the same content.
    objects.write_json_if_absent(pointer_uri(models_uri, backbone.name), {"uri": uri, "sha256": weights.sha256})
    logger.info("weights of %s are staged: %s", backbone.name, uri)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def own_file(source: str, folder: Path) -> Path:
    """Return the path of a file that a person named by a path or URI; it is fetched to the folder if need be."""
    if not source.startswith("s3://"):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"{source}: there is no such file on the machine of the driver")
        return path
    path = folder / source.rpartition("/")[2]
    objects.download(source, str(path))
    return path


def _imagenet(backbone: Backbone, models_uri: str, folder: Path) -> FoundWeights:
    """Return Keras's own file as an earlier run staged it; else fetch it."""
    if backbone.imagenet is None:
        raise DownloadError(f"nobody publishes ImageNet weights for {backbone.name}")
    staged = _staged(backbone, models_uri)
    if staged is None:
        path = folder / backbone.imagenet.url.rpartition("/")[2]
        place = _fetch(backbone.imagenet, path)
        return FoundWeights(IMAGENET, path, sha256_of(path), place=place, is_new=True)
    uri, expected = staged
    pointer = pointer_uri(models_uri, backbone.name)
    place = f"{uri}, which {pointer} names; delete both, and the next run fetches the file again"
    try:
        path = own_file(uri, folder)
    except ImageFeaturesError as error:
        raise DownloadError(f"{error} ({place})") from error
    sha256 = sha256_of(path)
    if sha256 != expected:
        raise DownloadError(f"it is not what was staged, for its SHA-256 is {sha256} ({place})")
    return FoundWeights(IMAGENET, path, sha256, place=place)


def _staged(backbone: Backbone, models_uri: str) -> tuple[str, str] | None:
    """Return the URI and the SHA-256 of Keras's own file as an earlier run staged it, None if no run did."""
    uri = pointer_uri(models_uri, backbone.name)
    pointer = objects.find_json(uri)
    if pointer is None:
        return None
    found = pointed_at(pointer)
    if found is None:
        raise DamagedDocumentError(uri, "it names no file of weights and its SHA-256")
    return found


def _fetch(published: PublishedWeights, path: Path) -> str:
    """Write Keras's own file to `path`, from its cache or by HTTP, and return from where."""
    cached = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models" / path.name
    if cached.is_file():
        shutil.copyfile(cached, path)
    else:
        download(published.url, path)
    place, content = str(cached) if cached.is_file() else published.url, path.read_bytes()
    if not content.startswith(_HDF5_SIGNATURE):
        raise DownloadError(f"{place}: it is no HDF5 file, but begins with {content[:20]!r}; a page to log in, perhaps")
    if published.size_bytes not in (None, len(content)):
        raise DownloadError(f"{place}: it has {len(content)} bytes, and Keras's file has {published.size_bytes}")
    if published.md5 not in (None, hashlib.md5(content, usedforsecurity=False).hexdigest()):
        raise DownloadError(f"{place}: it has another MD5 than Keras expects")
    if published.sha256 not in (None, hashlib.sha256(content).hexdigest()):
        raise DownloadError(f"{place}: it has another SHA-256 than Keras expects")
    return place
