"""The commands of docs/aws.md, run as a person would type them, against the local endpoint."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_aws.conftest import Endpoint, new_endpoint, spark_env  # noqa: F401
from tools.local.home import LocalHome

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
BIN = Path(sys.executable).parent
AWS = shutil.which("aws", path=f"{BIN}:{os.environ['PATH']}")
# Keras's own weights come from the internet.
STAGE_WEIGHTS = ".local/envs/spark/bin/python tools/data/stage_weights.py mobilenet_v2"
# There is no MWAA here: its commands are checked by AWS's own model of them, and not sent. `make setup` has run. Of the
# wheels, which are 225 MB, only the names are made.
PRELUDE = f"""
aws() {{ if [[ $1 == mwaa ]]; then command aws "$@" --generate-cli-skeleton output; else command aws "$@"; fi; }}
names() {{ PYTHONPATH=plugins:. "{sys.executable}" names.py; }}
make() {{ if [[ $1 == wheels ]]; then names; else command make setup_command=true "$@"; fi; }}
"""
NAMES_OF_WHEELS = """
from pathlib import Path

from emr_pipeline.run.wheels import node_pins, wheels_key

lock = Path("bootstrap/requirements.txt").read_bytes()
folder = Path(".local/wheels", wheels_key(lock))
folder.mkdir(parents=True)
for pin in node_pins(lock):
    (folder / f"{pin.name.replace('-', '_')}-{pin.version}-py3-none-any.whl").touch()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(AWS is None, reason="there is no `aws` command line (make setup installs it)"),
]


def commands() -> list[str]:
    """The blocks that set it up, run it and take it away, in their order."""
    page = (REPOSITORY / "docs" / "aws.md").read_text(encoding="utf-8").partition("\n## Versions\n")[0]
    return [textwrap.dedent(block) for block in re.findall(r"^ *```sh\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)]


@pytest.fixture
def account(new_endpoint: Callable[..., Endpoint]) -> Iterator[tuple[Endpoint, dict[str, str]]]:  # noqa: F811
    """An account with what the page takes for given, and the names that stand for the page's."""
    endpoint = new_endpoint()
    ec2 = endpoint.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        for n, zone in enumerate("ab")
    ]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    endpoint.client("iam").create_role(RoleName="our-airflow-role", AssumeRolePolicyDocument="{}")
    endpoint.client("s3").create_bucket(Bucket="our-airflow-bucket")
    ids = ",".join(subnet["SubnetId"] for subnet in subnets)
    given = {"VPC": vpc, "SUBNETS": ids, "ROUTE_TABLES": table["RouteTableId"], "AWS_DEFAULT_REGION": REGION}
    yield endpoint, given


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository under another name, where the commands leave what they make."""
    folder = tmp_path / "checkout"
    (folder / ".local").mkdir(parents=True)
    for path in REPOSITORY.iterdir():
        if path.name not in (".local", ".git"):
            (folder / path.name).symlink_to(path)
    (folder / ".local" / "envs").symlink_to(LocalHome.from_environment().root / "envs")
    (folder / "names.py").write_text(NAMES_OF_WHEELS)
    (tmp_path / "pictures" / "fruits" / "apple").mkdir(parents=True)
    (tmp_path / "pictures" / "fruits" / "apple" / "1.jpg").write_bytes(b"a photograph")
    return folder


def script(given: dict[str, str], weights_by: str) -> str:
    """What the page says, with this account's names, and with what stages weights without internet."""
    first, *others = commands()
    for name, value in given.items():
        first, count = re.subn(rf"\b{name}=\S+", f"{name}={value}", first)
        assert count == 1, f"the first block gives no {name}"
    text = "\n".join([first, *others])
    assert text.count(STAGE_WEIGHTS) == 1
    return PRELUDE + text.replace(STAGE_WEIGHTS, weights_by)


def test_a_person_who_follows_the_page_gets_an_account_that_is_ready(
    account: tuple[Endpoint, dict[str, str]], checkout: Path, tmp_path: Path
) -> None:
    endpoint, given = account
    stager = tmp_path / "stage.sh"
    stager.write_text(
        "set -e\n"
        "echo weights | aws s3 cp - $1/one.h5\n"
        'echo "{\\"uri\\": \\"$1/one.h5\\", \\"sha256\\": \\"1\\"}" | aws s3 cp - $1/mobilenet_v2-imagenet.json\n'
    )
    environment = {
        **{name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")},
        "AWS_ENDPOINT_URL": endpoint.url,
        "HOME": str(tmp_path),
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script(given, f"bash {stager}")],
        cwd=checkout, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^all \d+ are ok$", done.stdout, re.MULTILINE), done.stdout
    assert keys(endpoint, "our-fruit-features", "landing/") == {"landing/apple/1.jpg"}
    uploaded = keys(endpoint, "our-airflow-bucket", "")
    assert {"dags/fruit_features.py", "plugins.zip", "startup.sh"} <= uploaded
    assert not [key for key in uploaded if key.startswith("code/")]
    assert endpoint.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"] == []
    outputs = json.loads((checkout / "stack.json").read_text())["Stacks"][0]["Outputs"]
    assert "LandingQueueUrl" in {output["OutputKey"] for output in outputs}


def keys(endpoint: Endpoint, bucket: str, prefix: str) -> set[str]:
    listed: Any = endpoint.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    return {entry["Key"] for entry in listed.get("Contents", [])}
