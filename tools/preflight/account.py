"""The account that is asked: the settings of the deployment, and clients of whoever asks."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from emr_pipeline.errors import SettingsError
from emr_pipeline.run.layout import RunLayout
from emr_pipeline.settings import Settings
from run_contract.param_queries import settable_params
from tools.env.mwaa_bundle import read_outputs, stack_settings
from tools.errors import ToolError

TAG = "for-use-with-amazon-emr-managed-policies"
"""Without it, EMR's managed policy starts no machine in a subnet, and uses no security group."""
TAG_COMMAND = f"aws ec2 create-tags --tags Key={TAG},Value=true --resources"
STACK_COMMAND = (
    "aws cloudformation deploy --stack-name fruit-features --template-file infra/fruit-features.yaml "
    "--capabilities CAPABILITY_NAMED_IAM --parameter-overrides BucketName=<bucket> VpcId=<vpc> "
    "SubnetIds=<subnet>,<subnet>"
)
# Whoever waits for an answer wants to know soon that there is none.
CONFIG = Config(connect_timeout=10, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})


class PreflightError(ToolError):
    """The account cannot be asked at all."""


@dataclass(frozen=True)
class Account:
    """An account in one region, with what a deployment says of itself."""

    settings: Settings
    region: str
    client: Callable[[str], Any]
    airflow_policy: str | None = None
    """The ARN of the stack's policy for Airflow's role; null where no stack is known."""

    @property
    def models_uri(self) -> str:
        return RunLayout(self.settings.bucket, "").uri("models")

    @property
    def params(self) -> dict[str, Any]:
        """The params of a run whose form is left empty."""
        return {param.name: param.default for param in settable_params()} | dict(self.settings.params)

    @classmethod
    def opened(cls, outputs_path: Path | None, environment: Mapping[str, str] = os.environ) -> "Account":
        """Return the account of boto3's credentials, with the settings of a stack or of the environment."""
        outputs = read_outputs(outputs_path) if outputs_path else {}
        try:
            settings = Settings.from_environment({**environment, **(stack_settings(outputs) if outputs else {})})
        except SettingsError as error:
            raise PreflightError(str(error)) from error
        session = boto3.Session(region_name=settings.region)
        if not session.region_name:
            raise PreflightError("no region: export FRUIT_FEATURES_REGION=<region>, or give OUTPUTS= of a stack")
        client: Any = cache(partial(session.client, config=CONFIG))
        return cls(settings, session.region_name, client, outputs.get("AirflowPolicyArn"))
