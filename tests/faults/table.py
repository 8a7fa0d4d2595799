"""The table of the faults that struck, as docs/faults.md holds it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TABLE_VARIABLE = "FAULTS_TABLE"
HEADER = """# Faults, and what came of each

Made by `make test-faults`; do not edit. Each row breaks one thing while the DAG `fruit_features` runs in a real Airflow
against the local endpoint; two rows break nothing, for comparison. After every row: no cluster is left, no stage has
more steps than it had attempts, and what is published is one whole snapshot. A step is a stand-in that ends as the
fault needs it. It is the stage's own code under *Spark and its files*, and in the last four rows of *Nodes and S3 as
hard as AWS*.

- **run**: how the DAG run ended; `killed`: it never did.
- **clusters**: how many it made, and how many were left.
- **steps**: how many each stage had: ingest + featurize + reduce + validate.
- **published**: the snapshot that readers see afterwards: the `old` one from before the run, the run's own `new` one,
  or an `earlier` one to which somebody took them back.
- **what a person reads**: the line of the task's error, or of the reaper's log, that names the cause.
"""
COLUMNS = ("fault", "run", "clusters", "steps", "published", "what a person reads")


@dataclass
class Table:
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the fault's name, which is the first cell."""

    def add(self, *cells: str) -> None:
        self.rows[cells[0]] = tuple(_stable(cell) for cell in cells)

    def text(self, names: Iterable[str] | None = None) -> str:
        lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(self.rows[name] for name in names or self.rows)]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def write(self, path: Path, groups: Mapping[str, Iterable[str]]) -> None:
        """A page with a table for each group of names."""
        parts = [f"\n## {group}\n\n{self.text(names)}" for group, names in groups.items()]
        path.write_text(HEADER + "".join(parts), encoding="utf-8")


def _stable(cell: str) -> str:
    """Without what differs from one run of the tests to the next, and without what would break the table."""
    text = re.sub(r"\bj-[0-9A-Z]{8,}", "j-...", cell)
    text = re.sub(r"\bmanual__\S+", "manual__...", text)
    text = re.sub(r"\bs-[0-9A-Z]{8,}", "s-...", text)
    text = re.sub(r"\bi-[0-9a-f]{8,}", "i-...", text)
    text = re.sub(r"\b[0-9a-f]{16}\b", "...", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:]+Z", "...", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:...", text)
    return text.replace("|", "\\|").replace("\n", " ")
