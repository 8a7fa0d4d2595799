"""What a run that nobody triggered repeats of the published snapshot, and what it must not change; pure."""

from collections.abc import Mapping
from typing import Any

from emr_pipeline.errors import AnotherIdentityError
from run_contract.labels import WARN
from run_contract.param_queries import params_of, used
from run_contract.params import PARAMS
from run_contract.preprocessing import PREPROCESSING_VERSION
from run_contract.stages import FEATURIZE, INGEST

Snapshot = Mapping[str, Any]
NETWORK = tuple(param.name for param in params_of(FEATURIZE))
"""The params that make vectors: who changes one of them publishes vectors that do not compare, or are not the same."""

UNWATCHED = {"unknown_labels": WARN}
"""Defaults of a run that nobody triggered: a photograph that is deleted stops no run, for nobody corrects the file."""


def repeated_params(form: Mapping[str, Any], given: Mapping[str, Any], published: Snapshot | None) -> dict[str, Any]:
    """Return the params of a run that nobody triggered.

    What decides a run comes from the published snapshot, unless the deployment's settings (`given`) say otherwise. All
    else, and what the snapshot's document does not know, comes from the form's defaults. So does what belongs to the
    photographs (labels, a sample) where other photographs are published.

    >>> form = {param.name: param.default for param in PARAMS}
    >>> before = {"params": {"backbone": "resnet50", "pca_components": None, "explained_variance": 0.9}}
    >>> after = repeated_params(form, {"pca_components": 50}, before)
    >>> after["backbone"], after["pca_components"], after["explained_variance"], after["cluster_size"]
    ('resnet50', 50, None, 'small')
    """
    before = (published or {}).get("params") or {}
    is_same_source = str((published or {}).get("source_uri")).rstrip("/") == str(form.get("source_uri")).rstrip("/")
    repeated = {
        param.name: before[param.name]
        for param in PARAMS
        if not param.not_deciding and param.name in before and (is_same_source or param.stages != (INGEST,))
    }
    licence = (published or {}).get("licence")
    if is_same_source and licence:
        repeated["licence"] = licence
    # A setting counts: a param that would make it useless goes, unless that is a setting, too.
    in_the_way = {param.unused_with: None for param in PARAMS if param.name in given and param.unused_with}
    return {**form, **UNWATCHED, **repeated, **in_the_way, **given}


def published_text(published: Snapshot | None) -> str:
    """Return what is published, in one line for a log."""
    if published is None:
        return "nothing is published yet"
    params = published.get("params") or {}
    listed = ", ".join(f"{name}={value}" for name, value in params.items() if value is not None)
    return (
        f"snapshot {published.get('snapshot')} of run {published.get('run')} is published, with "
        f"{listed or 'params that its document does not name'}"
    )


def refuse_another_identity(
    params: Mapping[str, Any], published: Snapshot | None, weights_etag: str | None, weights_sha256: str | None
) -> None:
    """Raise AnotherIdentityError for params whose vectors would be others than those that are published.

    `weights_etag` is that of weights of one's own, `weights_sha256` that of Keras's own file; null where not known.
    """
    changes = [] if published is None else list(_changes(params, published, weights_etag, weights_sha256))
    if changes:
        raise AnotherIdentityError(str((published or {}).get("snapshot")), changes)


def _changes(
    params: Mapping[str, Any], published: Snapshot, weights_etag: str | None, weights_sha256: str | None
) -> list[str]:
    before, now = published.get("params") or {}, used(params)
    found = [
        f"{name} is {now[name]!r}, not {before[name]!r}" for name in NETWORK if before.get(name, now[name]) != now[name]
    ]
    if not found and published.get("weights_etag") != weights_etag:
        found.append(f"the file {now['weights']} has changed")
    identity = published.get("identity") or {}
    sha256 = identity.get("weights_sha256")
    if not found and weights_sha256 and sha256 and sha256 != weights_sha256:
        found.append(f"the staged weights {now['weights']} have the SHA-256 {weights_sha256}, not {sha256}")
    version = identity.get("preprocessing_version", PREPROCESSING_VERSION)
    if version != PREPROCESSING_VERSION:
        found.append(f"this code has version {PREPROCESSING_VERSION} of the preprocessing, not {version}")
    return found
