"""An EMR that answers at once and does only what a test tells it to; requests are checked against EMR's own model."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

EMR_MODEL = botocore.session.get_session().get_service_model("emr")


class FakeEmr:
    """Clusters and steps in dictionaries; `calls` has the names of the requests that change something."""

    def __init__(self) -> None:
        self.clusters: dict[str, dict[str, Any]] = {}
        self.steps: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls: list[str] = []
        # What the next clusters and steps begin as, and what ending a cluster leads to.
        self.first_cluster_state = "WAITING"
        # Where hooks read the region and the partition.
        self.meta = SimpleNamespace(
            client=SimpleNamespace(meta=SimpleNamespace(region_name="us-east-1", partition="aws"))
        )
        self.state_after_terminate = "TERMINATED"

    def add_cluster(self, cluster_id: str, name: str, state: str, tags: dict[str, str], **more: Any) -> None:
        self.clusters[cluster_id] = {
            "Id": cluster_id,
            "Name": name,
            "Status": {"State": state, "StateChangeReason": {}},
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            "LogUri": "s3n://pictures/logs/",
            "TerminationProtected": False,
            **more,
        }
        self.steps[cluster_id] = {}

    def set_cluster(self, cluster_id: str, state: str, code: str = "", message: str = "") -> None:
        self.clusters[cluster_id]["Status"] = {
            "State": state,
            "StateChangeReason": {"Code": code, "Message": message} if code else {},
        }

    def set_step(self, cluster_id: str, step_id: str, state: str, **status: Any) -> None:
        self.steps[cluster_id][step_id]["Status"] = {"State": state, **status}

    def run_job_flow(self, **request: Any) -> dict[str, Any]:
        self._check("RunJobFlow", request)
        cluster_id = f"j-MADE{len(self.clusters) + 1}"
        tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        self.add_cluster(cluster_id, request["Name"], self.first_cluster_state, tags, Request=request)
        return {"JobFlowId": cluster_id, **_ok()}

    def list_clusters(self, **request: Any) -> dict[str, Any]:
        # EMR gives the newest first, and no tags.
        self._validate("ListClusters", request)
        found = [
            cluster for cluster in self.clusters.values() if cluster["Status"]["State"] in request["ClusterStates"]
        ]
        summaries = [{"Id": cluster["Id"], "Name": cluster["Name"]} for cluster in reversed(found)]
        return {"Clusters": summaries, **_ok()}

    def describe_cluster(self, ClusterId: str) -> dict[str, Any]:  # noqa: N803
        if ClusterId not in self.clusters:
            raise _invalid(f"Cluster id '{ClusterId}' is not valid.", "DescribeCluster")
        return {"Cluster": self.clusters[ClusterId], **_ok()}

    def terminate_job_flows(self, **request: Any) -> dict[str, Any]:
        self._check("TerminateJobFlows", request)
        for cluster_id in request["JobFlowIds"]:
            if cluster_id not in self.clusters:
                raise _invalid(f"Specified job flow ID does not exist: {cluster_id}", "TerminateJobFlows")
            self.set_cluster(cluster_id, self.state_after_terminate, "USER_REQUEST", "Terminated by user request")
        return _ok()

    def add_job_flow_steps(self, **request: Any) -> dict[str, Any]:
        self._check("AddJobFlowSteps", request)
        of_cluster = self.steps[request["JobFlowId"]]
        ids = [f"s-ADDED{len(of_cluster) + number}" for number, _ in enumerate(request["Steps"], 1)]
        for step_id, step in zip(ids, request["Steps"], strict=True):
            of_cluster[step_id] = {
                "Id": step_id,
                "Name": step["Name"],
                "Config": {"Args": step["HadoopJarStep"]["Args"]},
                "Status": {"State": "PENDING"},
            }
        return {"StepIds": ids, **_ok()}

    def list_steps(self, **request: Any) -> dict[str, Any]:
        steps = reversed(self.steps[request["ClusterId"]].values())
        return {"Steps": [step for step in steps if step["Status"]["State"] in request["StepStates"]], **_ok()}

    def describe_step(self, ClusterId: str, StepId: str) -> dict[str, Any]:  # noqa: N803
        if StepId not in self.steps[ClusterId]:
            raise _invalid(f"Step id '{StepId}' is not valid.", "DescribeStep")
        return {"Step": self.steps[ClusterId][StepId], **_ok()}

    def cancel_steps(self, **request: Any) -> dict[str, Any]:
        self._check("CancelSteps", request)
        for step_id in request["StepIds"]:
            self.set_step(request["ClusterId"], step_id, "CANCELLED")
        return {"CancelStepsInfoList": [{"StepId": step_id, "Status": "SUBMITTED"} for step_id in request["StepIds"]]}

    def list_instances(self, **request: Any) -> dict[str, Any]:
        self._validate("ListInstances", request)
        return {"Instances": self.clusters[request["ClusterId"]].get("Instances", []), **_ok()}

    def list_instance_fleets(self, **request: Any) -> dict[str, Any]:
        self._validate("ListInstanceFleets", request)
        return {"InstanceFleets": self._fleets(request["ClusterId"]), **_ok()}

    def add_instance_fleet(self, **request: Any) -> dict[str, Any]:
        self._check("AddInstanceFleet", request)
        fleets = self._fleets(request["ClusterId"])
        fleets.append({"Id": f"if-{len(fleets) + 1}", **request["InstanceFleet"]})
        return {"InstanceFleetId": fleets[-1]["Id"], **_ok()}

    def modify_instance_fleet(self, **request: Any) -> dict[str, Any]:
        self._check("ModifyInstanceFleet", request)
        change = request["InstanceFleet"]
        (fleet,) = (each for each in self._fleets(request["ClusterId"]) if each["Id"] == change["InstanceFleetId"])
        fleet.update(change)
        return _ok()

    def _fleets(self, cluster_id: str) -> list[dict[str, Any]]:
        """Those of the request that made the cluster, then those that were added."""
        cluster = self.clusters[cluster_id]
        asked = cluster.get("Request", {}).get("Instances", {}).get("InstanceFleets", [])
        made = [{"Id": f"if-{number}", **fleet} for number, fleet in enumerate(asked, 1)]
        fleets: list[dict[str, Any]] = cluster.setdefault("Fleets", made)
        return fleets

    def get_paginator(self, operation: str) -> "FakePaginator":
        return FakePaginator(getattr(self, operation))

    def _check(self, operation: str, request: dict[str, Any]) -> None:
        self.calls.append(operation)
        self._validate(operation, request)

    def _validate(self, operation: str, request: dict[str, Any]) -> None:
        shape: Any = EMR_MODEL.operation_model(operation).input_shape
        validate_parameters(request, shape)


class FakePaginator:
    def __init__(self, operation: Any) -> None:
        self.operation = operation

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield self.operation(**request)


class AsyncEmr:
    """The same EMR as a trigger sees it, through aiobotocore."""

    def __init__(self, emr: FakeEmr) -> None:
        self.emr = emr

    async def __aenter__(self) -> "AsyncEmr":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def __getattr__(self, operation: str) -> Any:
        async def call(**request: Any) -> Any:
            return getattr(self.emr, operation)(**request)

        return call


def finished(state: str, **more: Any) -> dict[str, Any]:
    """The status of a step that ran and ended now."""
    now = datetime.now(UTC)
    return {"State": state, "Timeline": {"StartDateTime": now, "EndDateTime": now}, **more}


def _ok() -> dict[str, Any]:
    return {"ResponseMetadata": {"HTTPStatusCode": 200}}


def _invalid(message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "InvalidRequestException", "Message": message}}, operation)
