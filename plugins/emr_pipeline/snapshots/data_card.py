"""The data card of a snapshot: what it is made of and what is known to be wrong with it, as Markdown for people."""

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any

NOT_KNOWN = "not known"
MOST_LABELS = 40
_PLACES = (
    "features",
    "pca_features",
    "looks",
    "groups",
    "suspects",
    "rejects",
    "manifest",
    "model",
    "report",
    "explorer",
)


def data_card(snapshot: Mapping[str, Any], validation: Mapping[str, Any]) -> str:
    """Return the page `README.md` of a snapshot by its document and the audit of its run.

    It begins with the block by which Hugging Face knows a data set.
    """
    parts = (_head(snapshot), _contents(snapshot), _reading(snapshot), _labels(snapshot))
    lines = [line for part in (*parts, _doubts(snapshot), _checks(validation)) for line in (*part, "")]
    return "\n".join(lines).rstrip() + "\n"


def _head(snapshot: Mapping[str, Any]) -> Iterable[str]:
    summary, licence = snapshot["summary"], snapshot.get("licence")
    # A JSON text is a text of YAML, too.
    name = json.dumps(f"fruit-features: {snapshot['run']}")
    yield from ("---", f"pretty_name: {name}", "license: other")
    yield from (f"license_name: {json.dumps(licence or 'not stated')}", "tags: [image-features, pca]", "---")
    yield f"# {_text(snapshot['run'])}"
    yield ""
    images, labels = (_number(summary.get(name)) for name in ("images", "labels"))
    yield (
        f"Feature vectors of {images} photographs with {labels} labels, "
        f"and the same reduced by PCA. Snapshot `{snapshot['snapshot']}`, published {snapshot['published_at']}."
    )


def _contents(snapshot: Mapping[str, Any]) -> Iterable[str]:
    summary = snapshot["summary"]
    weights = summary.get("weights") or {}
    pretrained = "" if weights.get("pretrained", True) else ", not pretrained: these features are for tests alone"
    facts = {
        "photographs": snapshot["source_uri"],
        "licence of the photographs": snapshot.get("licence") or "not stated: set the param licence",
        "objects of the source": _number(summary.get("objects")),
        "images with features": _number(summary.get("images")),
        "rejects": f"{_number(summary.get('rejects'))} ({_share(summary.get('reject_share'))})",
        "numbers in a feature vector": _number(summary.get("dimension")),
        **{name.replace("_", " "): value for name, value in (snapshot.get("identity") or {}).items()},
        "weights": f"{weights.get('source') or NOT_KNOWN}{pretrained}",
        "PCA": f"{_number(summary.get('components'))} components",
        "explained variance": _share(summary.get("explained_variance")),
        "code": snapshot["code_version"],
    }
    yield from _table(("fact", "value"), facts.items())


def _reading(snapshot: Mapping[str, Any]) -> Iterable[str]:
    uri = snapshot["pca_features_uri"]
    yield from ("## Load it", "", "With Hugging Face `datasets` (and `s3fs`), or with pandas:", "", "```python")
    yield f'features = datasets.load_dataset("parquet", data_files="{uri}/*.parquet", split="train")'
    yield f'features = pandas.read_parquet("{uri}")'
    yield from ("```", "")
    places = [(name, snapshot[f"{name}_uri"]) for name in _PLACES if f"{name}_uri" in snapshot]
    yield from _table(("dataset", "place"), places)
    yield from ("", "If the snapshot's document has `removed_at`, these files are gone.")


def _labels(snapshot: Mapping[str, Any]) -> Iterable[str]:
    counts = snapshot["summary"].get("images_by_label")
    if not counts:
        return
    yield from ("## Labels", "")
    yield from _table(("label", "images"), [(label, _number(count)) for label, count in counts.items()][:MOST_LABELS])
    hidden = (snapshot["summary"].get("labels") or 0) - min(len(counts), MOST_LABELS)
    if hidden > 0:
        yield from ("", f"{_number(hidden)} more labels are not listed.")


def _doubts(snapshot: Mapping[str, Any]) -> Iterable[str]:
    summary = snapshot["summary"]
    near, flaws, model = (summary.get(name) for name in ("near_duplicates", "flaws", "model"))
    yield from ("## What to know before you use it", "")
    if near:
        yield (
            f"- Near-duplicates: {_number(near['grouped'])} images are in {_number(near['groups'])} groups. Of "
            f"{_number(near['test'])} images of Test, {_number(near['leaked'])} have one in Training."
        )
    yield f"- Accuracy of a linear probe: {_share(summary.get('linear_probe_accuracy'))} with the splits as they are, "
    yield f"  {_share(summary.get('grouped_linear_probe_accuracy'))} with near-duplicates kept together."
    yield f"- Doubtful labels: {_number(summary.get('suspects'))}; they are listed in `suspects`."
    if flaws is not None:
        listed = ", ".join(f"{_number(count)} {name.replace('_', ' ')}" for name, count in flaws.items())
        yield f"- Flawed photographs: {listed or 'none'}."
    if model and model.get("action") != "refit" and model.get("drift") is not None:
        yield f"- Drift: the model keeps {_share(model['drift'])} less variance than a new one would."


def _checks(validation: Mapping[str, Any]) -> Iterable[str]:
    warned = [check for check in validation.get("checks", []) if check.get("verdict") == "warned"]
    yield from ("## Checks that warned", "")
    yield from ([f"- `{check['name']}`: {_text(check.get('advice', ''))}" for check in warned] or ["None."])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, Any]]) -> Iterable[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(_text(cell) for cell in row) + " |"


def _text(value: Any) -> str:
    """Return what somebody called a thing as one line of Markdown that is no markup.

    >>> _text("a|b <i>" + chr(10))
    'a\\\\|b &lt;i&gt;'
    """
    line = " ".join(str(value).split())
    return "".join(f"\\{letter}" if letter in "|[]*\\`~" else letter for letter in html.escape(line, quote=False))


def _number(value: Any) -> str:
    return NOT_KNOWN if value is None else f"{value:,}"


def _share(value: Any) -> str:
    return NOT_KNOWN if value is None else f"{value:.1%}"
