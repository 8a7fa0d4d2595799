"""The table of the faults that struck, as docs/faults.md holds it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

TABLE_VARIABLE = "FAULTS_TABLE"
HEADER = """# Faults, and what came of each

Made by `make test-faults`: each row breaks one thing while the DAG `fruit_features` runs in a real Airflow against the
local endpoint. After every row no cluster is left, no stage has more steps than it was given attempts, and what is
published is the old snapshot or the new one, whole.

"""
COLUMNS = ("fault", "run", "clusters", "steps", "published", "what a person reads")


@dataclass
class Table:
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append(tuple(_stable(cell) for cell in cells))

    def text(self) -> str:
        lines = [COLUMNS, tuple("---" for _ in COLUMNS), *self.rows]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

    def write(self, path: Path) -> None:
        path.write_text(HEADER + self.text(), encoding="utf-8")


def _stable(cell: str) -> str:
    """Without what differs from one run of the tests to the next, and without what would break the table."""
    text = re.sub(r"\bj-[0-9A-Z]{8,}", "j-...", cell)
    text = re.sub(r"\bs-[0-9A-Z]{8,}", "s-...", text)
    text = re.sub(r"\bi-[0-9a-f]{8,}", "i-...", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:...", text)
    return text.replace("|", "\\|").replace("\n", " ")
