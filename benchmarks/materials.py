"""What is measured on: photographs, weights, vectors and the code, each placed in the benchmarks' bucket once."""

import os
import shutil
import subprocess
from pathlib import Path

from emr_pipeline.run.code_bundle import gather_code
from emr_pipeline.run.layout import RunLayout, code_uri
from emr_pipeline.run.stages import STAGES
from tools.data.demo_photos import make_demo_photos
from tools.local.home import BUCKET, REPOSITORY, LocalHome, local_environment

JOBS_PATH = REPOSITORY / "benchmarks" / "jobs"
NAME_OF_WEIGHTS = "benchmark-{}.weights.h5"


def place_photos(home: LocalHome, source: Path | None, count: int) -> str:
    """Return the name of a folder under landing/ with `count` photographs, evenly spaced over those of `source`.

    Without a source, and past its end, the same photographs come again under other names, each with its number behind
    its last byte: bytes that were seen before would not be computed again.
    """
    source = source or make_demo_photos(home.root / "demo")
    found = sorted(path for path in source.rglob("*.jpg") if path.name not in ("truncated.jpg", "notes.jpg"))
    if not found:
        raise SystemExit(f"{source}: holds no .jpg; name a folder of photographs: PHOTOS=<folder>")
    name = f"{source.name}-{count}"
    folder = home.bucket_path / "landing" / name
    if folder.exists():
        return name
    draft = folder.with_name(f"{name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for number in range(count):
        path = found[number * len(found) // count if count <= len(found) else number % len(found)]
        target = draft / path.parent.relative_to(source) / f"{number:07d}_{path.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if number >= len(found):
            # Decoders stop at a JPEG's own end.
            target.write_bytes(path.read_bytes() + b"%d" % number)
            continue
        try:
            os.link(path, target)
        except OSError:
            # Another file system, or no right to link.
            shutil.copyfile(path, target)
    draft.rename(folder)
    return name


def photos_path(home: LocalHome, name: str) -> Path:
    return home.bucket_path / "landing" / name


def make_weights(home: LocalHome, backbone: str) -> Path:
    """Random weights of a fixed seed, in a file that Keras and this project both load. Speed depends on none."""
    path = home.bucket_path / "models" / NAME_OF_WEIGHTS.format(backbone)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        run_in_spark_environment(home, "make_weights.py", "--backbone", backbone, "--weights", str(path))
    return path


def forget_networks(home: LocalHome) -> None:
    """Make the next run of featurize_images export its network again."""
    shutil.rmtree(home.bucket_path / "models" / "networks", ignore_errors=True)


def forget_vectors(home: LocalHome) -> None:
    """Make the next run compute all of its vectors, and the next ingest_images fetch all of its objects."""
    shutil.rmtree(home.bucket_path / "feature_store", ignore_errors=True)


def make_vectors(home: LocalHome, rows: int, width: int = 1280) -> str:
    """Return the name of a run whose features/ are `rows` made-up vectors, in files as featurize_images writes them."""
    run = f"vectors-{rows}" if width == 1280 else f"vectors-{rows}-{width}"
    features = home.bucket_path / "runs" / run / "features"
    if not (features / "_SUCCESS").exists():
        shutil.rmtree(features, ignore_errors=True)
        run_in_spark_environment(
            home, "make_vectors.py", f"--rows={rows}", f"--width={width}", f"--features={features}"
        )
    return run


def stage_code(home: LocalHome) -> str:
    """Where the code of this checkout lies, as the DAG's task `stage_code` would have put it."""
    bundle = gather_code(REPOSITORY, [stage.name for stage in STAGES])
    folder = home.bucket_path / "code" / bundle.version
    for name, content in bundle.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return code_uri(BUCKET, bundle.version)


def layout(run: str) -> RunLayout:
    return RunLayout(BUCKET, run)


def run_in_spark_environment(home: LocalHome, job: str, *arguments: str) -> str:
    """Return what the job printed."""
    python = str(home.spark_env_path / "bin" / "python")
    environment = local_environment(home) | {
        "PYTHONPATH": f"{REPOSITORY / 'spark_jobs'}:{REPOSITORY}",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    done = subprocess.run(
        [python, str(JOBS_PATH / job), *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
