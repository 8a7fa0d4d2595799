"""Command that runs the bootstrap actions in a network namespace of its own, whose S3 is the endpoint and nothing else.

    unshare --net --map-root-user python -m tests.bootstrap.offline_node FOLDER LOCK

FOLDER/wheels/ has the wheels of LOCK, and FOLDER/bin/ the commands of a node. It writes FOLDER/result.json.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from emr_pipeline.run.wheels import wheels_key
from tests.bootstrap.conftest import BOOTSTRAP, REPOSITORY
from tools.local.home import LocalHome

PORT = 5600
CODE = "s3://fruit-features/code/1/bootstrap"


def main(folder: Path, lock: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    bucket = folder / "s3" / "fruit-features"
    shutil.copytree(BOOTSTRAP, bucket / "code" / "1" / "bootstrap")
    key = wheels_key((BOOTSTRAP / lock).read_bytes())
    (bucket / "wheels").mkdir()
    (folder / "wheels").rename(bucket / "wheels" / key)
    command = [sys.executable, "-m", "local_aws", f"--root={folder / 's3'}", f"--work={folder / 'emr'}"]
    command += [f"--spark-env={LocalHome.from_environment().spark_env_path}", f"--port={PORT}"]
    with subprocess.Popen(command, cwd=REPOSITORY) as endpoint:
        try:
            _wait_for_endpoint()
            result = {"internet": _reaches_the_internet(), **_bootstrap(folder, lock)}
        finally:
            endpoint.send_signal(signal.SIGTERM)
    (folder / "result.json").write_text(json.dumps(result))


def _bootstrap(folder: Path, lock: str) -> dict[str, object]:
    venv = folder / "venv"
    environment = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HOME", "TMPDIR")}
    environment |= {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}"}
    arguments = [str(venv), f"{CODE}/{lock}", "s3://fruit-features/wheels", "us-east-1"]
    began, output = time.monotonic(), ""
    codes: list[int] = []
    for script in ("10_python_environment.sh", "20_verify_environment.sh"):
        done = subprocess.run([BOOTSTRAP / script, *arguments], env=environment, capture_output=True, text=True)
        output, codes = output + done.stdout + done.stderr, [*codes, done.returncode]
    disk = subprocess.run(["du", "-s", "--block-size=1000000", venv], capture_output=True, text=True, check=True)
    return {
        "codes": codes,
        "output": output,
        "wall_s": time.monotonic() - began,
        "disk_mb": int(disk.stdout.split()[0]),
    }


def _wait_for_endpoint() -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_local_aws/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the endpoint did not answer within 30 s")


def _reaches_the_internet() -> bool:
    try:
        socket.create_connection(("1.1.1.1", 443), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
