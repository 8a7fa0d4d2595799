"""Who may import what: the rules of the house, checked on the syntax tree of every file.

Ruff's banned-api says the same for whole folders, sooner and in the editor; this test also knows single modules.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

NUMERIC = ("numpy", "pandas", "pyspark", "tensorflow", "keras", "openvino", "sklearn", "PIL")
AIRFLOW_SIDE = (*NUMERIC, "image_features", "local_aws", "tools", "moto", "boto3")
NETWORKS = ("tensorflow", "keras", "openvino")

# For each package: its rooms from the top of the house down, and the rooms that each may import. The files that lie
# beside the rooms are the ground: every room may import them, and they import no room.
ROOMS = {
    "spark_jobs/image_features": {
        "validate": {"reduce", "job", "storage", "images"},
        "ingest": {"networks", "job", "storage", "images"},
        "featurize": {"networks", "job", "storage", "images"},
        "reduce": {"job", "storage"},
        "networks": {"job", "storage", "images"},
        "job": {"storage"},
        "storage": {"images"},
        "images": set(),
    },
    "plugins/emr_pipeline": {
        "operators": {"landing", "task", "snapshots", "emr", "s3", "run"},
        "landing": {"task", "emr", "s3", "run"},
        "task": {"emr", "s3", "run"},
        "snapshots": {"s3", "run"},
        "emr": {"s3", "run"},
        "s3": {"run"},
        "run": set(),
    },
    "tools": {
        "run": {"data", "local"},
        "preflight": {"env"},
        "diff": {"local"},
        "data": {"local"},
        "env": {"local"},
        "local": set(),
    },
    "local_aws/s3": {
        "app": {"operations", "files", "protocol"},
        "operations": {"files", "protocol"},
        "files": {"protocol"},
        "protocol": set(),
    },
    "local_aws/emr": {
        "api": {"cluster", "node", "state"},
        "cluster": {"node", "state"},
        "node": {"state"},
        "state": set(),
    },
}
# Packages' folders that are no rooms of this list: they know nothing of the rooms.
SEPARATE: dict[str, tuple[str, ...]] = {}
MOST_ARROWS = {"spark_jobs/image_features": 40, "plugins/emr_pipeline": 30}

# Rooms that are tested without a JVM, or without Airflow.
WITHOUT_SPARK = ("images", "networks", "validate/checks", "validate/report")
WITHOUT_AIRFLOW = ("run", "s3", "snapshots", "settings.py", "errors.py")
# What builds a network, or makes the function that runs one. Imported inside functions there: each costs seconds.
NETWORK_ROOM = "networks"


@dataclass(frozen=True)
class Imported:
    """One import: of which module, in which line, and whether it happens as soon as the file is imported."""

    module: str
    line: int
    at_import: bool = field(default=True)

    def is_of(self, packages: tuple[str, ...]) -> bool:
        return any(self.module == package or self.module.startswith(f"{package}.") for package in packages)


def imports(path: Path) -> Iterator[Imported]:
    """The imports of a file, but for those under TYPE_CHECKING, which never happen."""
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), at_import=True)


def _imports(node: ast.AST, at_import: bool) -> Iterator[Imported]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Imported(alias.name, child.lineno, at_import) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
            yield from (Imported(f"{child.module}.{alias.name}", child.lineno, at_import) for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_import and not is_function)


def sources(folder: str) -> list[Path]:
    found = sorted((REPOSITORY / folder).rglob("*.py"))
    assert found, f"{folder}/ holds no Python file: is this test looking in the right place?"
    return found


def broken(paths: list[Path], packages: tuple[str, ...], only_at_import: bool = False) -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)}:{imported.line} imports {imported.module}"
        for path in paths
        for imported in imports(path)
        if imported.is_of(packages) and (imported.at_import or not only_at_import)
    ]


@pytest.mark.parametrize(
    ("folder", "packages"),
    [
        ("dags", AIRFLOW_SIDE),
        ("plugins", AIRFLOW_SIDE),
        ("spark_jobs", ("airflow", "emr_pipeline", "local_aws", "tools", "moto")),
        ("bootstrap", ("airflow", "emr_pipeline", "local_aws", "tools", "image_features", "pyspark")),
        ("local_aws", ("airflow", "emr_pipeline", "image_features", "tools", "pyspark", "tensorflow")),
    ],
)
def test_no_file_of_the_folder_imports_what_is_another_sides(folder: str, packages: tuple[str, ...]) -> None:
    assert broken(sources(folder), packages) == []


def room_of(path: Path, package: str) -> str:
    """The folder of a file below its package; of a file that lies on the ground, its own name."""
    return path.relative_to(REPOSITORY / package).parts[0]


def arrows(package: str) -> set[tuple[str, str]]:
    """Each pair of rooms of which the first imports from the second."""
    name = (
        package.rpartition("/")[2] if package.split("/")[0] in ("spark_jobs", "plugins") else package.replace("/", ".")
    )
    places = {path.removesuffix(".py") for path in ROOMS[package]} | {
        path.name.removesuffix(".py") for path in (REPOSITORY / package).glob("*.py")
    }
    found = set()
    for path in sources(package):
        for imported in imports(path):
            if imported.is_of((name,)):
                target = imported.module.removeprefix(f"{name}.").split(".")[0]
                room = room_of(path, package).removesuffix(".py")
                # The package's own file is its front door, and opens on every room.
                if target in places and target != room and room != "__init__":
                    found.add((room, target))
    return found


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_imports_only_from_rooms_below_it(package: str) -> None:
    rooms = ROOMS[package]
    upward = [
        (room, target) for room, target in arrows(package) if target in rooms and target not in rooms.get(room, set())
    ]
    assert upward == []


@pytest.mark.parametrize("package", ROOMS)
def test_the_rules_name_every_room_in_an_order_without_circles(package: str) -> None:
    folders = {path.parent for path in sources(package)} - {REPOSITORY / package}
    assert {folder.relative_to(REPOSITORY / package).parts[0] for folder in folders} <= {
        *ROOMS[package],
        *SEPARATE.get(package, ()),
    }
    order = list(ROOMS[package])
    for room, targets in ROOMS[package].items():
        assert all(order.index(target) > order.index(room) for target in targets), room


@pytest.mark.parametrize(("package", "most"), MOST_ARROWS.items())
def test_the_house_has_few_arrows(package: str, most: int) -> None:
    assert 10 < len(arrows(package)) <= most


def test_pure_rooms_of_plugins_do_without_airflow() -> None:
    package = REPOSITORY / "plugins/emr_pipeline"
    pure = [path for place in WITHOUT_AIRFLOW for path in files_of(package / place)]
    assert broken(pure, ("airflow",)) == []


def test_pure_rooms_of_spark_jobs_do_without_spark() -> None:
    package = REPOSITORY / "spark_jobs/image_features"
    pure = [path for place in WITHOUT_SPARK for path in files_of(package / place)]
    assert broken(pure, ("pyspark",), only_at_import=True) == []


def test_networks_are_imported_only_in_their_room_and_there_only_when_they_are_needed() -> None:
    package = "spark_jobs/image_features"
    others = [path for path in sources(package) if room_of(path, package) != NETWORK_ROOM]
    entry_points = sorted((REPOSITORY / "spark_jobs").glob("*.py"))
    assert broken(others + entry_points, NETWORKS) == []
    assert broken(sources(package), ("tensorflow", "keras"), only_at_import=True) == []


def test_no_tool_imports_airflow_and_only_one_the_jobs_library() -> None:
    assert broken(sources("tools"), ("airflow",)) == []
    others = [path for path in sources("tools") if path.stem != "stage_weights"]
    assert broken(others, (*NETWORKS, "image_features")) == []


def files_of(place: Path) -> list[Path]:
    found = [place] if place.suffix else sorted(place.rglob("*.py"))
    assert found and all(path.exists() for path in found), f"{place}: is this test looking in the right place?"
    return found


def test_the_reader_of_imports_sees_each_kind(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(
        "import a.b\nfrom c import d\nfrom . import own\n"
        "if TYPE_CHECKING:\n    import never\n"
        "def f():\n    import lazy\n"
        "class K:\n    import eager\n"
    )
    found = [(imported.module, imported.at_import) for imported in imports(path)]
    assert found == [("a.b", True), ("c.d", True), ("lazy", False), ("eager", True)]
