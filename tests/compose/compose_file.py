"""Reads docker-compose.yaml as docker-compose would, with given variables."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE_PATH = REPOSITORY / "docker-compose.yaml"
IN_THE_IMAGE = "/opt/fruit-features"
SECRETS = {
    "POSTGRES_PASSWORD": "pg-pass",
    "AIRFLOW_FERNET_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AIRFLOW_JWT_SECRET": "jwt-secret",
    "AIRFLOW_SECRET_KEY": "secret-key",
    "LOCAL_AWS_KEY_ID": "LOCALTEST",
    "LOCAL_AWS_SECRET_KEY": "aws-secret",
}
AIRFLOW_SERVICES = ("migrate", "api-server", "scheduler", "dag-processor", "triggerer")
LOCAL_AWS_SERVICES = ("local-aws", "demo")


def read_compose(variables: Mapping[str, str] = SECRETS) -> dict[str, Any]:
    """The file's content with its variables filled in; KeyError for one that must be set and is not."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match["name"], match["operator"], match["rest"]
        if operator == ":-":
            return variables.get(name) or rest
        return variables[name]

    pattern = re.compile(r"\$\{(?P<name>\w+)(?P<operator>:[-?])(?P<rest>[^}]*)\}")
    content: dict[str, Any] = yaml.safe_load(pattern.sub(value, COMPOSE_PATH.read_text(encoding="utf-8")))
    return content


def services(variables: Mapping[str, str] = SECRETS) -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = read_compose(variables)["services"]
    return read


def command(service: Mapping[str, Any]) -> list[str]:
    return shlex.split(service["command"])
