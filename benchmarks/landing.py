"""What "anything new?" costs: the check of fruit_images_landed, in a process of its own, for so many objects.

    PYTHONPATH=.:plugins .local/envs/airflow/bin/python -m benchmarks.landing --objects 1000000 --latency-ms 100

The S3 is a stand-in: it answers with S3's own XML, page by page, each after S3's latency. With `--endpoint` it is the
local endpoint, with as many files. What is measured is the task's whole look: both buckets' existence, the published
pointer, its inventory, every page of the listing, the comparison, the last signal.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.listed_s3 import BUCKET, ListedS3, etag_of, inventory, key_of

REPOSITORY = Path(__file__).resolve().parents[1]
SPARK_ENV = Path(os.environ.get("LOCAL_HOME", REPOSITORY / ".local")) / "envs" / "spark"
PORT = 5690
KEY = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(32)}
LOOK = """
import json, resource, time
from emr_pipeline.operators.wait_until_settled import WaitUntilSettledOperator
from emr_pipeline.task.airflow_compat import AirflowSkipException
from emr_pipeline.settings import Settings

def peak_mib():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

operator = WaitUntilSettledOperator(task_id="w", settings=Settings.from_environment(), region_name="us-east-1")
operator.hook.conn
before_mib, started, cpu = peak_mib(), time.perf_counter(), time.process_time()
try:
    found = operator._look().text()
except AirflowSkipException as skipped:
    found = str(skipped)
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
print("RESULT " + json.dumps({"found": found, "seconds": round(seconds, 1), "cpu_s": round(cpu, 1),
                              "peak_mib": peak_mib(), "peak_before_mib": before_mib}))
"""
PAGES = """
import json, time
import boto3
from emr_pipeline.s3.listing import list_entries
s3 = boto3.client("s3", region_name="us-east-1")
list(s3.get_paginator("list_objects_v2").paginate(Bucket="listed", Prefix="landing/", PaginationConfig={"MaxItems": 1}))
cpu = time.process_time()
for number, page in enumerate(s3.get_paginator("list_objects_v2").paginate(Bucket="listed", Prefix="landing/"), 1):
    if number == 50:
        break
botocore_s = time.process_time() - cpu
cpu, entries = time.process_time(), list_entries(s3, "s3://listed/landing")
for _ in range(50_000):
    next(entries)
print("RESULT " + json.dumps({"botocore_ms_a_page": round(20 * botocore_s, 1),
                              "ours_ms_a_page": round(20 * (time.process_time() - cpu), 1)}))
"""


def measure(program: str, url: str) -> dict[str, object]:
    """Return what a program prints as its result, in an Airflow of its own."""
    with tempfile.TemporaryDirectory() as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_"))}
        environment |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
            **KEY,
            "AWS_ENDPOINT_URL": url,
            "FRUIT_FEATURES_BUCKET": BUCKET,
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}",
        }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )
    results = [line.removeprefix("RESULT ") for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not results:
        raise RuntimeError(f"the measured program failed:\n{done.stderr[-4000:]}")
    found: dict[str, object] = json.loads(results[0])
    return found


@contextmanager
def local_endpoint(objects: int) -> Iterator[str]:
    """Start the local endpoint over a folder with that many files; all but the last 50 are published."""
    with tempfile.TemporaryDirectory() as folder:
        bucket = Path(folder, "s3", BUCKET)
        for number in range(objects):
            path = bucket / key_of(number)
            if number % 1000 == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % number)
        for name in ("published", "runs/r"):
            (bucket / name).mkdir(parents=True)
        (bucket / "published/latest.json").write_text(json.dumps(latest()))
        (bucket / "runs/r/inventory.csv.gz").write_bytes(
            inventory((key_of(n), len(str(n)), etag_of(str(n))) for n in range(objects - 50))
        )
        words = ["--root", f"{folder}/s3", "--work", f"{folder}/emr", "--spark-env", str(SPARK_ENV)]
        command = [sys.executable, "-m", "local_aws", *words, "--port", str(PORT)]
        process = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | KEY, stderr=subprocess.DEVNULL)
        try:
            time.sleep(5)
            yield f"http://127.0.0.1:{PORT}"
        finally:
            process.terminate()
            process.wait()


def latest() -> dict[str, str]:
    return {"source_uri": f"s3://{BUCKET}/landing", "inventory_uri": f"s3://{BUCKET}/runs/r/inventory.csv.gz"}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--latency-ms", type=float, default=100.0, help="of the stand-in, for each answer")
    parser.add_argument("--endpoint", action="store_true", help="the local endpoint instead of the stand-in")
    given = parser.parse_args(arguments)
    if given.endpoint:
        with local_endpoint(given.objects) as url:
            measure(LOOK, url)  # the endpoint hashes each new file once
            results = {"look": measure(LOOK, url)}
    else:
        with ListedS3(given.objects, given.latency_ms / 1000, json.dumps(latest()).encode()) as url:
            results = {"pages": measure(PAGES, url), "look": measure(LOOK, url)}
    sys.stdout.write(json.dumps(vars(given) | results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
