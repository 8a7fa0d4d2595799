"""Auto-termination, which ends idle clusters, and managed scaling, which is only remembered."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from local_aws.emr.state import limits as requests
from tests.local_aws.emr.harness import LocalEmr, bash_step


@pytest.fixture
def short_idle_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """EMR's shortest idle time is a minute."""
    monkeypatch.setattr(requests, "IDLE_TIMEOUT_S", range(1, 604_801))


@pytest.mark.usefixtures("short_idle_times")
def test_an_idle_cluster_ends_by_itself_and_a_busy_one_does_not(local_emr: LocalEmr) -> None:
    policy = {"IdleTimeout": 1}
    idle = local_emr.run(AutoTerminationPolicy=policy)
    busy = local_emr.run(AutoTerminationPolicy=policy, Steps=[bash_step("sleep 60")])
    local_emr.wait_for_state(idle, "TERMINATED")
    assert local_emr.reason(idle) == {"Code": "ALL_STEPS_COMPLETED", "Message": "Auto-terminated: idle for 1 seconds"}
    timeline = local_emr.cluster(idle)["Status"]["Timeline"]
    assert (timeline["EndDateTime"] - timeline["ReadyDateTime"]).total_seconds() >= 1
    assert local_emr.state(busy) == "RUNNING"


@pytest.mark.parametrize("timeout", [0, 59, 604_801])
def test_idle_times_that_emr_refuses_are_refused(local_emr: LocalEmr, timeout: int) -> None:
    with pytest.raises(ClientError, match="IdleTimeout must be between 60 and 604800"):
        local_emr.run(AutoTerminationPolicy={"IdleTimeout": timeout})


def test_limits_of_managed_scaling_that_emr_refuses_are_refused(local_emr: LocalEmr) -> None:
    limits = {"UnitType": "Instances", "MinimumCapacityUnits": 2, "MaximumCapacityUnits": 1}
    with pytest.raises(ClientError, match="MinimumCapacityUnits must be between 1 and"):
        local_emr.run(ManagedScalingPolicy={"ComputeLimits": limits})
