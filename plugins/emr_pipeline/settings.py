"""Settings of the deployment, read once from the environment (prefix FRUIT_FEATURES_) and checked by name."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from emr_pipeline.errors import SettingsError
from run_contract.param import Param
from run_contract.param_queries import settable_params
from run_contract.params import URI_PATTERN

PREFIX = "FRUIT_FEATURES_"
NO_WHEELS = "none"
# What EMR takes as the value of a tag.
TAG_PATTERN = r"[\w .:/=+@-]{1,256}"
MESSAGES, SLACK, MAIL = f"{PREFIX}MESSAGES", "slack", "mail"
_CHANNEL = rf"arn:[\w-]+:sns:[\w-]+:\d{{12}}:[\w-]+|{SLACK}:[\w.-]+|{MAIL}:[^\s,@]+@[^\s,@]+"
STAGE_SUFFIX = "_TIME_LIMIT_S"
REPOSITORY = str(Path(__file__).resolve().parents[2])
HOUR_S = 3600
DAY_S = 24 * HOUR_S
LISTING_S, LISTING_BESIDE_A_QUEUE_S = 600, 6 * HOUR_S
# Enough to outlast a minute of throttling: botocore's standard mode waits up to 20 s between attempts.
BOTOCORE_RETRIES = {"retries": {"mode": "standard", "max_attempts": 10}}


def _text(default: str | None = None, pattern: str = r".*", remedy: str = "give one line") -> Any:
    def read(variable: str, value: str) -> str | None:
        if value and not re.fullmatch(pattern, value):
            raise SettingsError(variable, value, remedy)
        return value.rstrip("/") or default

    return field(metadata={"read": read})


def _whole(default: int, least: int, most: int, what: str = "a whole number of seconds") -> Any:
    def read(variable: str, value: str) -> int:
        value = value or str(default)
        if not value.isascii() or not value.isdecimal() or not least <= int(value) <= most:
            raise SettingsError(variable, value, f"give {what} from {least} to {most}")
        return int(value)

    return field(metadata={"read": read})


def _dollars(default: float) -> Any:
    def read(variable: str, value: str) -> float:
        if value and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value):
            raise SettingsError(variable, value, "give dollars, as in 0.315")
        return float(value or default)

    return field(metadata={"read": read})


@dataclass(frozen=True)
class Settings:
    """Settings of this deployment: where it works, with whose rights, and how long it waits."""

    bucket: str = _text("fruit-features", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "give a bucket's name, without s3://")
    # Tells the clusters of several Airflows that share a bucket apart.
    deployment: str = _text(None, TAG_PATTERN, "give letters, digits and _.:/=+@- , at most 256")
    source_uri: str = _text(None, URI_PATTERN, "give s3://bucket/prefix")
    region: str | None = _text()
    aws_conn_id: str = _text("aws_default")
    release_label: str = _text("emr-7.13.0", r"emr-(spark-)?\d+\.\d+\.\d+", "give emr-X.Y.Z")
    service_role: str = _text("EMR_DefaultRole")
    instance_profile: str = _text("EMR_EC2_DefaultRole")
    subnet_ids: tuple[str, ...] = _text("")
    security_group_ids: tuple[str, ...] = _text(
        "", r"sg-\w+(\s*,\s*sg-\w+){2}", "give three: of the primary node, of the other nodes, of service access"
    )
    security_configuration: str | None = _text()
    # Whether task nodes for which there is no Spot capacity may run on demand.
    on_demand_for_spot: int = _whole(0, 0, 1, "a whole number,")
    # EMR sets these limits to an AutoTerminationPolicy.
    keep_alive_s: int = _whole(HOUR_S, 60, 604_800)
    poll_s: int = _whole(30, 1, 600)
    node_venv: str = _text("/opt/fruit-features/venv", r"/.*", "give an absolute path")
    code_root: Path = _text(REPOSITORY, r"/.*", "give an absolute path")  # noqa: RUF009
    code_uri: str | None = _text(None, URI_PATTERN, "give s3://bucket/code/<version>")
    # None: nodes come with their environment, and nothing is installed.
    wheels_uri: str | None = _text(None, rf"{URI_PATTERN}|{NO_WHEELS}", f"give s3://bucket/wheels, or {NO_WHEELS}")
    cluster_time_limit_s: int = _whole(HOUR_S, 1, DAY_S)
    # EMR ships a step's log to S3 every five minutes.
    log_wait_s: int = _whole(330, 0, HOUR_S)
    reaper_every_s: int = _whole(900, 1, DAY_S)
    # Longer than a run takes to end its own cluster once it is marked failed.
    reaper_grace_s: int = _whole(600, 1, DAY_S)
    # The latest one, and one to go back to.
    keep_snapshots: int = _whole(10, 2, 1_000_000, "a whole number")
    # Each look lists the whole source. Where a queue wakes the DAG, the schedule is only for messages that were lost.
    landing_every_s: int = _whole(LISTING_S, 1, DAY_S)
    landing_settle_s: int = _whole(300, 1, DAY_S)
    landing_settle_limit_s: int = _whole(HOUR_S, 1, 7 * DAY_S)
    # A run that fails on the same photographs makes a cluster once in this time, not once a check.
    landing_retry_s: int = _whole(6 * HOUR_S, 0, 30 * DAY_S)
    # Of one instance, EC2's price and EMR's together: those of benchmarks/cost.json.
    dollars_per_hour: float = _dollars(0.315)
    spot_dollars_per_hour: float = _dollars(0.1638)
    landing_queue_url: str | None = _text(None, r"https?://[^/\s]+/\S+", "give the queue's URL")
    messages: tuple[str, ...] = _text(
        "",
        rf"\s*(?:{_CHANNEL})(?:\s*,\s*(?:{_CHANNEL}))*\s*",
        "give the ARN of an SNS topic, slack:<connection>, mail:<address>, or several of them with commas between",
    )
    stage_time_limit_s: int = _whole(6 * HOUR_S, 1, 7 * DAY_S)
    stage_time_limits_s: Mapping[str, int] = field(default_factory=dict)
    # Params that this deployment sets for all its runs, by name; the others have the contract's defaults.
    params: Mapping[str, Any] = field(default_factory=dict)

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

        def read(name: str, rule: Any) -> Any:
            return rule(PREFIX + name, environment.get(PREFIX + name, "").strip())

        rules = {each.name: each.metadata["read"] for each in fields(cls) if each.metadata}
        values = {name: read(name.upper(), rule) for name, rule in rules.items()}
        ends = [name for name, value in environment.items() if name.endswith(STAGE_SUFFIX) and value.strip()]
        stages = {name.removeprefix(PREFIX).removesuffix(STAGE_SUFFIX) for name in ends if name.startswith(PREFIX)}
        limit_s = rules["stage_time_limit_s"]
        if values["landing_queue_url"] and not environment.get(PREFIX + "LANDING_EVERY_S", "").strip():
            values["landing_every_s"] = LISTING_BESIDE_A_QUEUE_S
        return cls(
            **values
            | {
                # MWAA says how its environment is called; elsewhere an Airflow is known by its address.
                "deployment": values["deployment"]
                or environment.get("AIRFLOW_ENV_NAME")
                or environment.get("AIRFLOW__API__BASE_URL")
                or values["bucket"],
                "source_uri": values["source_uri"] or f"s3://{values['bucket']}/landing",
                "region": values["region"] or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
                **{name: _words(values[name]) for name in ("subnet_ids", "security_group_ids", "messages")},
                "code_root": Path(values["code_root"]),
                "wheels_uri": _wheels_uri(values["wheels_uri"], values["bucket"]),
                "stage_time_limits_s": {
                    stage.lower(): read(stage + STAGE_SUFFIX, limit_s) for stage in stages - {"STAGE", "CLUSTER"}
                },
                "params": _params(environment),
            }
        )


def _wheels_uri(given: str | None, bucket: str) -> str | None:
    return None if given == NO_WHEELS else given or f"s3://{bucket}/wheels"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _params(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the params that the environment sets, but for the source, which every deployment has."""
    texts = {param: environment.get(param.setting, "").strip() for param in settable_params() if not param.is_required}
    return {param.name: _param(param, text) for param, text in texts.items() if text}


def _param(param: Param, text: str) -> Any:
    try:
        value = param.parse(text)
    except ValueError as error:
        raise SettingsError(param.setting, text, f"give {param.expected}") from error
    if param.refusal(value) is not None:
        raise SettingsError(param.setting, text, f"give {param.expected}")
    # JSON, of which forms and XComs are made, has lists and no tuples.
    return list(value) if isinstance(value, tuple) else value
