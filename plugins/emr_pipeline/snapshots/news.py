"""What a publication tells people: what has changed since the snapshot before, and a surge of rejects; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from emr_pipeline.run.message import Message
from run_contract.rejects import NOT_COUNTED, rejects_of

Snapshot = Mapping[str, Any]
FEWEST_REJECTS, TIMES = 10, 2
"""Rejects surge if there are ten more than before, and their share has doubled."""
_COUNTS = {"images": "photographs with features", "rejects": "rejects", "labels": "labels"}
_SHARES = {
    "knn_accuracy": "accuracy of nearest neighbors",
    "linear_probe_accuracy": "accuracy of a linear probe",
    "explained_variance": "explained variance",
}
_DRIFT = ("model_drift", "norm_quantiles", "drift_classifier_auc", "drift_psi")


def publication(snapshot: Snapshot, before: Snapshot | None, validation: Mapping[str, Any]) -> Message:
    """Return the message that a snapshot is published: photographs, accuracy and drift against the one before."""
    name, run = snapshot["snapshot"], snapshot["run"]
    lines = [f"Snapshot {name} of run {run} is published.", *_lines(snapshot, before, validation)]
    lines += ["", f"Report: {snapshot['report_uri']}", f"Run: {snapshot['run_uri']}"]
    return Message("published", name, f"fruit_features: {run} is published", "\n".join(lines))


def surge_of_rejects(snapshot: Snapshot, before: Snapshot | None) -> Message | None:
    """Return the message that far more photographs are rejects than in the snapshot before; null if that is not so.

    Without a snapshot before there is nothing to compare with. A share above `max_reject_share` fails the run instead.
    """
    if before is None:
        return None
    (rejects, share), (rejects_before, share_before) = _rejects(snapshot), _rejects(before)
    if rejects - rejects_before < FEWEST_REJECTS or share < TIMES * share_before:
        return None
    reasons = rejects_of(snapshot).most_common()
    listed = "\n".join(f"{count:,} {reason}" for reason, count in reasons if reason not in NOT_COUNTED)
    text = (
        f"{rejects:,} photographs of run {snapshot['run']} are rejects ({share:.1%}), and {rejects_before:,} "
        f"({share_before:.1%}) were in snapshot {before['snapshot']} before it. The run is published.\n\n{listed}\n\n"
        f"Which ones and why: {snapshot['rejects_uri']}\nReport: {snapshot['report_uri']}"
    )
    return Message("rejects", snapshot["snapshot"], f"fruit_features: {rejects:,} rejects in {snapshot['run']}", text)


def _rejects(snapshot: Snapshot) -> tuple[int, float]:
    summary = snapshot.get("summary") or {}
    return summary.get("rejects") or 0, summary.get("reject_share") or 0.0


def _lines(snapshot: Snapshot, before: Snapshot | None, validation: Mapping[str, Any]) -> Iterator[str]:
    now, then = snapshot.get("summary") or {}, (before or {}).get("summary") or {}
    yield f"Before it: snapshot {before['snapshot']} of run {before['run']}." if before else "Nothing was before it."
    yield ""
    for name, words in _COUNTS.items():
        yield f"{words}: {_compared(now.get(name), then.get(name), ',')}"
    for name, words in _SHARES.items():
        yield f"{words}: {_compared(now.get(name), then.get(name), '.1%')}"
    vectors, model = snapshot.get("vectors") or {}, snapshot.get("model") or {}
    if vectors:
        yield f"vectors: {vectors.get('computed', 0):,} computed, {vectors.get('reused', 0):,} known before"
    if model:
        yield f"model: {model.get('action')} ({model.get('why')})"
    forecast, cost = snapshot.get("forecast"), snapshot.get("cost_so_far")
    if forecast:
        yield f"forecast: {forecast['minutes']:.0f} minutes, {forecast['dollars']:.2f} dollars ({forecast['size']})"
    if cost is not None:
        yield f"cost until now: {cost:.2f} dollars; costs/{snapshot['run']}.json has all of it when the cluster is gone"
    for check in validation.get("checks", []):
        if check["name"] in _DRIFT and isinstance(check.get("value"), int | float):
            yield f"{check['name']}: {check['value']:.3g} (at most {check['limit']})"
        if check.get("verdict") == "warned":
            yield f"warning of {check['name']}: {check['advice']}"


def _compared(now: float | None, then: float | None, form: str) -> str:
    """Return a number and what it was.

    >>> _compared(1048, 998, ","), _compared(0.5, None, ".1%"), _compared(None, 3, ",")
    ('1,048 (998 before)', '50.0%', 'not measured (3 before)')
    """
    text = "not measured" if now is None else format(now, form)
    return text if then is None else f"{text} ({format(then, form)} before)"
