"""Faults of nodes and of S3 as AWS has them: the row's endpoint is as hard as AWS, each row in other things."""

import json
import shutil
import socket

from tests.faults.airflow_home import REPOSITORY
from tests.faults.fault import Fault
from tests.faults.rows_spark import nothing_is_published
from tests.faults.scene import Scene
from tests.faults.spark_scene import SparkScene

REGION = "eu-west-3"


def want_wheels(scene: Scene) -> None:
    """Install nodes from the bucket, as on AWS, where the lock of the code lies and no wheel."""
    scene.settings["FRUIT_FEATURES_WHEELS_URI"] = f"s3://{scene.bucket}/wheels"
    scene.more_objects["code/bootstrap/requirements.txt"] = (REPOSITORY / "bootstrap" / "requirements.txt").read_bytes()


def want_spot(scene: Scene) -> None:
    scene.settings["FRUIT_FEATURES_CLUSTER_SIZE"] = "medium"


def see_that_no_spot_node_came(scene: Scene) -> None:
    (cluster,) = scene.clusters()
    fleets = scene.emr.list_instance_fleets(ClusterId=cluster["Id"])["InstanceFleets"]
    assert sorted(fleet["InstanceFleetType"] for fleet in fleets) == ["CORE", "MASTER", "TASK"]
    cost = json.loads(scene.s3.get_object(Bucket=scene.bucket, Key=f"costs/{scene.run}.json")["Body"].read())
    # The primary node, and four units of core nodes.
    assert [entry["units"] for entry in cost["clusters"]] == [{"ON_DEMAND": 5, "SPOT": 0}]


def ask_another_server(scene: Scene) -> None:
    """Let a step connect to a server of this machine that is not the endpoint."""
    server = scene.held.enter_context(socket.create_server(("127.0.0.1", 0)))
    address = ("127.0.0.1", server.getsockname()[1])
    scene.befores["featurize_images"] = f"import socket; socket.create_connection({address!r}, 10).close()"


def work_in_the_region(scene: SparkScene) -> None:
    connection = json.dumps({"conn_type": "aws", "extra": {"region_name": REGION}})
    names = ("AWS_REGION", "AWS_DEFAULT_REGION", "FRUIT_FEATURES_REGION")
    scene.settings |= dict.fromkeys(names, REGION) | {"AIRFLOW_CONN_AWS_DEFAULT": connection}


def land_some(scene: SparkScene) -> None:
    """More than S3 answers at once."""
    scene.pictures = 96


def ask_bfloat16_of_r6i(scene: SparkScene) -> None:
    """Take plugins that ask for other instances: ours ask for r7i."""
    plugins = scene.home.folder / "plugins"
    shutil.copytree(REPOSITORY / "plugins", plugins, ignore=shutil.ignore_patterns("__pycache__"))
    path = plugins / "emr_pipeline" / "emr" / "job_flow.py"
    text = path.read_text(encoding="utf-8")
    assert text.count('"bfloat16": "r7i"') == 1
    path.write_text(text.replace('"bfloat16": "r7i"', '"bfloat16": "r6i"'), encoding="utf-8")
    scene.settings |= {
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "PYTHONPATH": f"{plugins}:{REPOSITORY}",
        "FRUIT_FEATURES_CODE_ROOT": str(REPOSITORY),
        "FRUIT_FEATURES_PRECISION": "bfloat16",
    }


HARD_FAULTS = (
    Fault("wheels of the code's lock missing", "failed", "lacks the wheel of .*: make wheels", prepare=want_wheels),
    Fault("S3 has trouble with single deletions", "success", hard=("deletion_errors=3",)),
    Fault(
        "Spot nodes never come",
        "success",
        prepare=want_spot,
        afterwards=see_that_no_spot_node_came,
        hard=("no_spot=1",),
    ),
    Fault(
        "a step asks another server than S3, on nodes without internet",
        "failed",
        "Connection refused",
        prepare=ask_another_server,
        hard=("offline_steps=1",),
    ),
    Fault(
        "the metadata service never answers",
        "failed",
        "NodeAccessError: this node cannot read .* its instance profile",
        needs_spark=True,
        hard=("bare_steps=1", "metadata_misses=1"),
    ),
    Fault(
        "nodes without key and region, every fifth answer of metadata missing",
        "success",
        prepare=work_in_the_region,
        strike=nothing_is_published,
        needs_spark=True,
        hard=("bare_steps=1", "metadata_misses=5", f"region={REGION}"),
    ),
    Fault(
        "S3 answers 20 requests a second",
        "success",
        prepare=land_some,
        strike=nothing_is_published,
        needs_spark=True,
        hard=("requests_per_s=20",),
    ),
    Fault(
        "bfloat16 on r6i, whose processor has none",
        "failed",
        "choose --precision float32, or instances whose processor has",
        prepare=ask_bfloat16_of_r6i,
        needs_spark=True,
        hard=("processors=1",),
    ),
)
