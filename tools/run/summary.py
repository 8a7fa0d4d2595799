"""What `make run` says at the end: read from the run's stats and its report, as a person wants it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from run_contract.param_queries import params_of
from run_contract.stages import FEATURIZE, INGEST, REDUCE, STAGES
from tools.run.documents import read_json
from tools.run.triggered_run import Outcome


def summary_lines(run_path: Path, since: float = 0.0) -> Iterator[str]:
    """Yield the lines of a run's summary; what a failed run has not written is left out.

    So is what was written before `since`, seconds of the epoch: a run of the same name may lie there.
    """
    found = {stage.name: read_json(run_path / "stats" / f"{stage.name}.json", since) for stage in STAGES}
    stats = {stage: counted for stage, counted in found.items() if counted is not None}
    report = read_json(run_path / "report" / "validation.json", since)
    if stats:
        yield f"  {'stage':<18}{'rows in':>10}{'rows out':>10}{'seconds':>10}  rejects"
    for stage, counted in stats.items():
        rejects = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counted["rejects"].items())) or "-"
        yield f"  {stage:<18}{counted['rows_in']:>10,}{counted['rows_out']:>10,}{counted['seconds']:>10.1f}  {rejects}"
    if featurize := stats.get(FEATURIZE):
        yield from _network_lines(featurize)
    if model := stats.get(REDUCE, {}).get("details", {}).get("model"):
        yield f"  {'model:':<24}{model['action']}: {model['why']}"
    if report is not None:
        yield from _report_lines(report)
    explorer_path = run_path / "report" / "explorer.html"
    for name, path, is_written in (
        ("features", run_path / "features", FEATURIZE in stats),
        ("PCA features", run_path / "pca_features", REDUCE in stats),
        ("report", run_path / "report" / "index.html", report is not None),
        ("explorer", explorer_path, report is not None and explorer_path.exists()),
    ):
        if is_written:
            yield f"  {name + ':':<24}{path}"


def is_skipped(outcome: Outcome) -> bool:
    """Whether the run's first task found that there is nothing to do."""
    return outcome.state == "success" and outcome.tasks.get("check_run") == "skipped"


def nothing_new_lines(bucket_path: Path) -> Iterator[str]:
    """Yield what is said instead of a summary: what is published."""
    yield "nothing new: the photographs, the params and the code are those of what is published; no cluster was made"
    published = read_json(bucket_path / "published" / "latest.json")
    if published is None:
        return
    objects = published["counts"][INGEST]["rows_in"]
    yield f"  {'snapshot:':<24}{published['snapshot']}, published {published['published_at']}"
    yield f"  {'run:':<24}{published['run']}, {objects:,} objects of {published['source_uri']}"
    report_path = bucket_path / "runs" / published["run"] / "report" / "index.html"
    yield f"  {'report:':<24}{report_path}"
    yield "to run all the same: make run FORCE=1 ..."


def failure_texts(outcome: Outcome, logs_path: Path) -> Iterator[str]:
    """Yield each failed task with its error, and where to read more."""
    for task_id, error in outcome.errors.items():
        yield f"ERROR in the task {task_id}: {error}"
    yield f"the logs of all tasks: {logs_path}"


def _network_lines(featurize: dict[str, Any]) -> Iterator[str]:
    """Yield what computed the vectors, and how many an earlier run had left."""
    asked, details = featurize["arguments"], featurize["details"]
    network = ", ".join(f"{param.name} {asked[param.name]}" for param in params_of(FEATURIZE))
    # Null where every vector was there already.
    rate = details["images_per_second"]
    yield f"  {'network:':<24}{network}" + (f", {rate:,.1f} images a second" if rate is not None else "")
    if not details["weights"]["pretrained"]:
        yield "  WARNING: the weights are random: the vectors show that the pipeline works, and describe no fruit"
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in details.get("vectors", {}).items())
    if counts:
        yield f"  {'vectors:':<24}{counts}"


def _report_lines(report: dict[str, Any]) -> Iterator[str]:
    summary = report["summary"]
    if summary.get("explained_variance") is not None:
        yield f"  {'explained variance:':<24}{summary['explained_variance']:.4f} by {summary['components']} components"
    for name, key in (("linear probe accuracy:", "linear_probe_accuracy"), ("k-NN accuracy:", "knn_accuracy")):
        if summary.get(key) is not None:
            yield f"  {name:<24}{summary[key]:.4f} ({summary['scored']})"
    if (duplicates := summary.get("near_duplicates")) and duplicates["grouped"]:
        yield from _duplicate_lines(summary, duplicates)
    for check in report["checks"]:
        if check["verdict"] in ("failed", "warned"):
            found = f"{_short(check['value'])} (limit {_short(check['limit'])})"
            yield f"  check {check['name']} {check['verdict']}: {found}; {check['advice']}"
    yield f"  {'checks:':<24}{report['verdict']}"


def _duplicate_lines(summary: dict[str, Any], duplicates: dict[str, Any]) -> Iterator[str]:
    """Yield what leaks from Training to Test, and the accuracies without it."""
    if duplicates["test"]:
        leaks = f"{duplicates['leaked']:,} of {duplicates['test']:,} photographs of Test"
        yield f"  {'leaks:':<24}{leaks} have a near-duplicate in Training"
    for name, key in (("grouped linear probe:", "linear_probe"), ("grouped k-NN:", "knn")):
        accuracy = summary.get(f"grouped_{key}_accuracy")
        if accuracy is not None:
            yield f"  {name:<24}{accuracy:.4f} with near-duplicates kept together"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
