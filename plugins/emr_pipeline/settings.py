"""Settings of the deployment, read once from the environment (prefix FRUIT_FEATURES_) and checked by name."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from emr_pipeline.errors import SettingsError
from run_contract.params import URI_PATTERN

PREFIX = "FRUIT_FEATURES_"
BUCKET_PATTERN = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
S3_URI_PATTERN = re.compile(URI_PATTERN)
QUEUE_URL_PATTERN = re.compile(r"https?://[^/\s]+/\S+")
RELEASE_LABEL_PATTERN = re.compile(r"emr-\d+\.\d+\.\d+")
HOUR_S = 3600
# Enough to outlast a minute of throttling: botocore's standard mode waits up to 20 s between attempts.
BOTOCORE_RETRIES = {"retries": {"mode": "standard", "max_attempts": 10}}


@dataclass(frozen=True)
class Settings:
    """Settings of this deployment: where it works, with whose rights, and how long it waits."""

    bucket: str
    source_uri: str
    region: str | None
    aws_conn_id: str
    release_label: str
    service_role: str
    instance_profile: str
    subnet_ids: tuple[str, ...]
    security_configuration: str | None
    keep_alive_s: int
    poll_s: int
    node_venv: str
    code_root: Path
    code_uri: str | None
    cluster_time_limit_s: int
    log_wait_s: int
    reaper_every_s: int
    reaper_grace_s: int
    keep_snapshots: int
    landing_every_s: int
    landing_settle_s: int
    landing_settle_limit_s: int
    landing_retry_s: int
    landing_queue_url: str | None
    stage_time_limit_s: int
    stage_time_limits_s: Mapping[str, int]

    def time_limit_s(self, stage: str) -> int:
        """Return how long a step of this stage may wait and run."""
        return self.stage_time_limits_s.get(stage, self.stage_time_limit_s)

    @property
    def operator_defaults(self) -> dict[str, Any]:
        """Arguments of every task of the DAG: the way to AWS, and two retries for what is transient."""
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region,
            "botocore_config": BOTOCORE_RETRIES,
            "retries": 2,
            "retry_delay": timedelta(seconds=2 * self.poll_s),
        }

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Return the settings, with defaults filled in; raise a SettingsError that names the variable that is wrong."""
        read = _Reader(environment)
        bucket = read.matching("BUCKET", BUCKET_PATTERN, "fruit-features", "give a bucket's name, without s3://")
        return cls(
            bucket=bucket,
            source_uri=read.matching("SOURCE_URI", S3_URI_PATTERN, f"s3://{bucket}/landing", "give s3://bucket/prefix"),
            region=read.optional("REGION") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
            aws_conn_id=read.text("AWS_CONN_ID", "aws_default"),
            release_label=read.matching("RELEASE_LABEL", RELEASE_LABEL_PATTERN, "emr-7.13.0", "give emr-X.Y.Z"),
            service_role=read.text("SERVICE_ROLE", "EMR_DefaultRole"),
            instance_profile=read.text("INSTANCE_PROFILE", "EMR_EC2_DefaultRole"),
            subnet_ids=read.words("SUBNET_IDS"),
            security_configuration=read.optional("SECURITY_CONFIGURATION"),
            # EMR sets these limits to an AutoTerminationPolicy.
            keep_alive_s=read.integer("KEEP_ALIVE_S", HOUR_S, 60, 604_800),
            poll_s=read.integer("POLL_S", 30, 1, 600),
            node_venv=read.absolute_path("NODE_VENV", "/opt/fruit-features/venv"),
            code_root=Path(read.absolute_path("CODE_ROOT", str(Path(__file__).resolve().parents[2]))),
            code_uri=read.optional_matching("CODE_URI", S3_URI_PATTERN, "give s3://bucket/code/<version>"),
            cluster_time_limit_s=read.integer("CLUSTER_TIME_LIMIT_S", HOUR_S, 1, 24 * HOUR_S),
            # EMR ships a step's log to S3 every five minutes.
            log_wait_s=read.integer("LOG_WAIT_S", 330, 0, HOUR_S),
            reaper_every_s=read.integer("REAPER_EVERY_S", 900, 1, 24 * HOUR_S),
            # Longer than a run takes to end its own cluster once it is marked failed.
            reaper_grace_s=read.integer("REAPER_GRACE_S", 600, 1, 24 * HOUR_S),
            # The latest one, and one to go back to.
            keep_snapshots=read.integer("KEEP_SNAPSHOTS", 10, 2, 1_000_000, "a whole number"),
            landing_every_s=read.integer("LANDING_EVERY_S", 600, 1, 24 * HOUR_S),
            landing_settle_s=read.integer("LANDING_SETTLE_S", 300, 1, 24 * HOUR_S),
            landing_settle_limit_s=read.integer("LANDING_SETTLE_LIMIT_S", HOUR_S, 1, 7 * 24 * HOUR_S),
            # A run that fails on the same photographs makes a cluster once in this time, not once a check.
            landing_retry_s=read.integer("LANDING_RETRY_S", 6 * HOUR_S, 0, 30 * 24 * HOUR_S),
            landing_queue_url=read.optional_matching("LANDING_QUEUE_URL", QUEUE_URL_PATTERN, "give the queue's URL"),
            stage_time_limit_s=read.integer("STAGE_TIME_LIMIT_S", 6 * HOUR_S, 1, 7 * 24 * HOUR_S),
            stage_time_limits_s=read.stage_time_limits_s(),
        )


class _Reader:
    """Reader of single variables of the environment, each by its rule."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def optional(self, name: str) -> str | None:
        return self.environment.get(PREFIX + name, "").strip() or None

    def text(self, name: str, default: str) -> str:
        return self.optional(name) or default

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in (self.optional(name) or "").split(",") if word.strip())

    def optional_matching(self, name: str, pattern: re.Pattern[str], remedy: str) -> str | None:
        value = self.optional(name)
        if value is not None and not pattern.fullmatch(value):
            raise SettingsError(PREFIX + name, value, remedy)
        return value.rstrip("/") if value else None

    def matching(self, name: str, pattern: re.Pattern[str], default: str, remedy: str) -> str:
        return self.optional_matching(name, pattern, remedy) or default

    def absolute_path(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not value.startswith("/"):
            raise SettingsError(PREFIX + name, value, "give an absolute path")
        return value.rstrip("/")

    def integer(self, name: str, default: int, least: int, most: int, what: str = "a whole number of seconds") -> int:
        value = self.text(name, str(default))
        if not value.isascii() or not value.isdecimal() or not least <= int(value) <= most:
            raise SettingsError(PREFIX + name, value, f"give {what} from {least} to {most}")
        return int(value)

    def stage_time_limits_s(self) -> dict[str, int]:
        suffix = "_TIME_LIMIT_S"
        names = [
            variable.removeprefix(PREFIX)
            for variable, value in self.environment.items()
            if variable.startswith(PREFIX) and variable.endswith(suffix) and value.strip()
        ]
        return {
            name.removesuffix(suffix).lower(): self.integer(name, HOUR_S, 1, 7 * 24 * HOUR_S)
            for name in names
            if name not in ("STAGE" + suffix, "CLUSTER" + suffix)
        }
