"""The two snapshots that are compared, and everything that they differ in, as one document."""

from collections.abc import Mapping
from typing import Any

from run_contract.rejects import rejects_of
from tools.diff.bucket import Bucket, Document
from tools.diff.images import COLUMNS, image_changes
from tools.diff.model import Unknown, angles_between
from tools.errors import ToolError

NAMED = ("snapshot", "run", "published_at", "source_uri", "code_version")
NUMBERS = (
    "objects",
    "images",
    "rejects",
    "labels",
    "components",
    "explained_variance",
    "linear_probe_accuracy",
    "knn_accuracy",
)


class DiffError(ToolError):
    """Two snapshots that cannot be compared, for one of them is not there."""


def chosen(bucket: Bucket, a: str | None, b: str | None) -> tuple[Document, Document]:
    """Return two snapshots' documents: those that are named, else the current one and the one before `b`."""
    after = _document(bucket, b or "latest")
    before = a or after.get("previous")
    if before is None:
        raise DiffError(f"snapshot {after['snapshot']} has none before it: name one by A= (make history lists them)")
    return _document(bucket, str(before)), after


def difference(bucket: Bucket, before: Document, after: Document) -> dict[str, Any]:
    """Return what two snapshots differ in; what cannot be compared has a field `unknown`, which says why."""
    params = [document.get("params") or {} for document in (before, after)]
    identities = [document.get("identity") or {} for document in (before, after)]
    return {
        "a": {name: before.get(name) for name in NAMED},
        "b": {name: after.get(name) for name in NAMED},
        "images": _images(bucket, before, after),
        "rejects": _differing(rejects_of(before), rejects_of(after), 0),
        "numbers": {name: [_number(document, name) for document in (before, after)] for name in NUMBERS},
        "params": _differing(*params),
        "identity": {"is_same": all(identities) and identities[0] == identities[1], **_differing(*identities)},
        "model": _model(bucket, before, after, all(identities) and identities[0] == identities[1]),
    }


def _document(bucket: Bucket, name: str) -> Document:
    found = bucket.document(f"published/{name}.json")
    if found is None or (name != "latest" and found.get("snapshot") != name):
        what = "nothing is published" if name == "latest" else f"there is no snapshot {name}"
        raise DiffError(f"s3://{bucket.name}/published/{name}.json: {what}; `make history` lists the snapshots")
    return found


def _images(bucket: Bucket, before: Document, after: Document) -> dict[str, Any]:
    tables = []
    for document in (before, after):
        table = bucket.rows(str(document.get("pca_features_uri")), COLUMNS)
        if table is None:
            gone = f"were removed at {document['removed_at']}" if document.get("removed_at") else "are not there"
            return {"unknown": f"the files of snapshot {document['snapshot']} {gone}"}
        tables.append(table)
    return image_changes(*tables)


def _model(bucket: Bucket, before: Document, after: Document, is_comparable: bool) -> dict[str, Any]:
    models = [document.get("model") or {} for document in (before, after)]
    found = {name: [model.get(name) for model in models] for name in ("action", "fitted_in", "rows_fitted")}
    if not is_comparable:
        return found | {"unknown": "the vectors have another identity, so their models do not compare"}
    angles = angles_between(bucket, str(before.get("model_uri")), str(after.get("model_uri")))
    return found | ({"unknown": angles.why} if isinstance(angles, Unknown) else {"angles_deg": angles})


def _number(document: Document, name: str) -> Any:
    return (document.get("summary") or {}).get(name)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], missing: Any = None) -> dict[str, list[Any]]:
    pairs = {name: [before.get(name, missing), after.get(name, missing)] for name in sorted({*before, *after})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
