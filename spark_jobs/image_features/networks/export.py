"""Networks as engines load them, kept in models/ so that a later run of the same network does not make it again."""

import hashlib
import importlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from image_features.errors import DamagedDocumentError, ObjectNotFoundError
from image_features.job.stats import package_versions
from image_features.networks.arguments import NetworkArguments, NetworkChoice
from image_features.networks.engines.engine import engine_module
from image_features.networks.keras_model import choose_backend, load_network, with_preprocessing
from image_features.networks.subprocess_call import in_own_process
from image_features.networks.weights import FoundWeights, sha256_of, stage
from image_features.storage import objects
from run_contract.preprocessing import PREPROCESSING_VERSION

logger = logging.getLogger(__name__)

# An exported network depends on these packages and on these files of this folder.
_PACKAGES = ("h5py", "keras", "numpy", "openvino", "tensorflow", "tensorflow-cpu")
_SOURCES = ("backbones.py", "keras_model.py", "engines/{engine}.py")
_SOURCES_OF_A_FILE = ("own_model.py", "engines/{engine}.py")


@dataclass(frozen=True)
class ExportedNetwork:
    """The local files of a network, the one to load first, and the SHA-256 of its weights."""

    files: Sequence[Path]
    weights_sha256: str


def find_or_export(asked: NetworkArguments, weights: FoundWeights, folder: Path) -> ExportedNetwork:
    """Return the network that an earlier run kept, if it was made of the same things; else make it and keep it.

    Its files lie at models/<sha256>/ as weights do, and models/networks/<key>.json names them. The key is a digest of
    all that the network is made of, so a network that is found is the network that would be made. Weights that Keras
    publishes are staged only then, for they were loaded.
    """
    made_of = _made_of(asked, weights)
    record_uri = _record_uri(made_of, asked.models_uri)
    network = _find(record_uri, folder)
    if network is not None:
        logger.info("an earlier run exported this network: %s", record_uri)
    else:
        network = in_own_process(export_network, asked, weights, folder)
        _keep(network, made_of, record_uri, asked.models_uri)
    if weights.is_new:
        stage(weights, asked.architecture, asked.models_uri)
    return network


def export_network(asked: NetworkChoice, weights: FoundWeights, folder: Path) -> ExportedNetwork:
    """Build the network, load its weights and write its files to `folder`.

    It needs a process of its own, because Keras keeps the backend that it was imported with, and because a model of
    strangers may end it. Raises WeightsMismatchError or OwnNetworkError.
    """
    if weights.described:
        own_model = importlib.import_module("image_features.networks.own_model")
        return ExportedNetwork(own_model.export_own(weights, weights.described, folder), str(weights.sha256))
    module = engine_module(asked)
    is_channels_last = asked.architecture.is_channels_last
    choose_backend(module.KERAS_BACKEND, "channels_last" if is_channels_last else module.IMAGE_DATA_FORMAT)
    model, sha256 = load_network(asked.architecture, weights)
    return ExportedNetwork(module.export(with_preprocessing(model, asked.architecture), folder), sha256)


def kept_weights_sha256(asked: NetworkArguments, weights: FoundWeights) -> str | None:
    """Return the SHA-256 of the weights of a network that an earlier run kept, None if no run did; make no network."""
    record = _find_record(_record_uri(_made_of(asked, weights), asked.models_uri))
    return str(record["weights_sha256"]) if record else None


def _record_uri(made_of: dict[str, Any], models_uri: str) -> str:
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return f"{models_uri}/networks/{key}.json"


def _made_of(asked: NetworkChoice, weights: FoundWeights) -> dict[str, Any]:
    package = resources.files("image_features.networks")
    names = _SOURCES_OF_A_FILE if weights.described else _SOURCES
    sources = [name.format(engine=asked.engine) for name in names]
    return {
        "backbone": asked.backbone if weights.described else asked.architecture.name,
        "engine": asked.engine,
        "preprocessing_version": PREPROCESSING_VERSION,
        "weights": weights.sha256 or weights.source,
        "versions": package_versions(_PACKAGES),
        "sources": {name: hashlib.sha256(package.joinpath(name).read_bytes()).hexdigest() for name in sources},
    }


def _find_record(record_uri: str) -> Mapping[str, Any] | None:
    """Return the record of a network that was kept; None if there is none, or none that can be used."""
    try:
        record = objects.find_json(record_uri)
        if record is None:
            return None
        files = [{name: str(entry[name]) for name in ("name", "uri", "sha256")} for entry in record["files"]]
        return {"files": files, "weights_sha256": record["weights_sha256"]}
    except (DamagedDocumentError, KeyError, TypeError) as error:
        logger.warning("%s is no record of a network (%r): the network is made again", record_uri, error)
        return None


def _find(record_uri: str, folder: Path) -> ExportedNetwork | None:
    record = _find_record(record_uri)
    if record is None:
        return None
    files = []
    for entry in record["files"]:
        # A name leads to no other folder, whoever wrote the record.
        path = folder / Path(entry["name"]).name
        try:
            objects.download(entry["uri"], str(path))
        except ObjectNotFoundError:
            logger.warning("%s names %s, which is gone: the network is made again", record_uri, entry["uri"])
            return None
        if sha256_of(path) != entry["sha256"]:
            logger.warning("%s is not what was kept there: the network is made again", entry["uri"])
            return None
        files.append(path)
    return ExportedNetwork(files, record["weights_sha256"])


def _keep(exported: ExportedNetwork, made_of: dict[str, Any], record_uri: str, models_uri: str) -> None:
    entries = []
    for path in exported.files:
        sha256 = sha256_of(path)
        uri = f"{models_uri}/{sha256}/{path.name}"
        objects.upload(str(path), uri)
        entries.append({"name": path.name, "uri": uri, "sha256": sha256})
    # The record is written last, so that all files that it names exist.
    objects.write_json(record_uri, {"files": entries, "weights_sha256": exported.weights_sha256, "made_of": made_of})
