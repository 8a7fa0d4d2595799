"""Who may import what: the rules of the house, checked on the syntax tree of every file.

Ruff's banned-api says the same for whole folders, sooner and in the editor; this test also knows single modules.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

NUMERIC = ("numpy", "pandas", "pyspark", "tensorflow", "keras", "openvino", "sklearn", "PIL")
AIRFLOW_SIDE = (*NUMERIC, "image_features", "local_aws", "tools", "moto", "boto3")
NETWORKS = ("tensorflow", "keras", "openvino")

# Modules of plugins/emr_pipeline that talk to Airflow or AWS. Any other is pure: it is tested without Airflow.
AIRFLOW_MODULES = {
    "emr/cluster_api",
    "emr/step_logs",
    "emr/triggers",
    "landing/assets",
    "landing/triggers",
    "operators",
    "operators/landing",
    "operators/publish",
    "operators/wait_for_step",
    "run/params",
    "s3/listing",
    "s3/objects",
    "task/airflow_compat",
    "task/dag_run",
    "task/links",
}
# Modules of spark_jobs/image_features that hold Spark's own objects. Any other is pure: it is tested without a JVM.
SPARK_MODULES = {
    "featurize/content_index",
    "featurize/join_files",
    "featurize/work_plan",
    "featurize/worker",
    "featurize/write_features",
    "ingest/fetch",
    "ingest/known_objects",
    "ingest/source_listing",
    "job/run_job",
    "job/session",
    "networks/engines/ship",
    "networks/predictor",
    "reduce/csv_export",
    "reduce/file_passes",
    "reduce/model_choice",
    "reduce/row_changes",
    "reduce/run_gram",
    "reduce/spark_gram",
    "reduce/spark_model",
    "schemas",
    "spark_tasks",
    "storage/compaction",
    "storage/datasets",
    "validate/evidence/baseline",
    "validate/evidence/gather",
    "validate/evidence/membership_counts",
    "validate/evidence/vector_facts",
}
# What builds a network, or makes the function that runs one; imported there inside functions, for each costs seconds.
NETWORK_MODULES = {
    "networks/backbones",
    "networks/engines/openvino",
    "networks/engines/tensorflow",
    "networks/keras_model",
}


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


def module_name(path: Path, package: str) -> str:
    return path.relative_to(REPOSITORY / package).with_suffix("").as_posix()


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


def test_the_contract_imports_the_standard_library_alone() -> None:
    found = {imported.module.split(".")[0] for path in sources("run_contract") for imported in imports(path)}
    assert found <= {"run_contract", *sys.stdlib_module_names}


def test_pure_modules_of_plugins_do_without_airflow() -> None:
    package = "plugins/emr_pipeline"
    pure = [
        path
        for path in sources(package)
        if not AIRFLOW_MODULES & {name := module_name(path, package), name.split("/")[0]}
    ]
    assert {"settings", "run/layout", "run/stages", "emr/job_flow"} <= {module_name(path, package) for path in pure}
    assert broken(pure, ("airflow",)) == []


def test_pure_modules_of_spark_jobs_do_without_spark_and_networks() -> None:
    package = "spark_jobs/image_features"
    pure = [path for path in sources(package) if module_name(path, package) not in SPARK_MODULES]
    assert {"images/decode", "job/arguments", "reduce/gram", "reduce/pca", "networks/backbones"} <= {
        module_name(path, package) for path in pure
    }
    assert broken(pure, ("pyspark",), only_at_import=True) == []


def test_networks_are_imported_only_where_they_are_made_and_run() -> None:
    package = "spark_jobs/image_features"
    others = [path for path in sources(package) if module_name(path, package) not in NETWORK_MODULES]
    entry_points = sorted((REPOSITORY / "spark_jobs").glob("*.py"))
    assert broken(others + entry_points, NETWORKS) == []
    assert broken(sources(package), ("tensorflow", "keras"), only_at_import=True) == []


def test_of_the_tools_only_those_that_run_inside_airflow_import_it() -> None:
    inside = {"dag_run", "end_run"}
    others = [path for path in sources("tools") if path.stem not in inside]
    assert broken(others, ("airflow",)) == []
    assert (
        broken([path for path in sources("tools") if path.stem != "stage_weights"], (*NETWORKS, "image_features")) == []
    )


def test_lists_of_exceptions_name_modules_that_exist() -> None:
    for package, names in (
        ("plugins/emr_pipeline", AIRFLOW_MODULES),
        ("spark_jobs/image_features", SPARK_MODULES | NETWORK_MODULES),
    ):
        folder = REPOSITORY / package
        missing = {name for name in names if not ((folder / f"{name}.py").exists() or (folder / name).is_dir())}
        assert missing == set()


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
