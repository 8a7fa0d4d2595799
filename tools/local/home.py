"""The one place that says where one machine's state lies, and which environment its processes run in."""

import base64
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUCKET = "fruit-features"
REGION = "us-east-1"
AWS_PORT, AIRFLOW_PORT = 5600, 8080
# SQLite lets one process write at a time; on a busy machine Airflow's others wait longer than the usual five seconds.
SQLITE_PATIENCE_S = 60
# Made at random once. Whoever has the AWS key may give the endpoint orders, and so run programs as its user.
SECRETS: Mapping[str, Callable[[], str]] = {
    "AIRFLOW__API__SECRET_KEY": lambda: secrets.token_urlsafe(32),
    "AIRFLOW__API_AUTH__JWT_SECRET": lambda: secrets.token_urlsafe(64),
    "AIRFLOW__CORE__FERNET_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "AWS_ACCESS_KEY_ID": lambda: f"LOCAL{secrets.token_hex(8).upper()}",
    "AWS_SECRET_ACCESS_KEY": lambda: secrets.token_urlsafe(30),
}
AIRFLOW_USER = "admin"


class LocalHome:
    """The folders and ports of one machine's state."""

    def __init__(self, root: Path, aws_port: int = AWS_PORT, airflow_port: int = AIRFLOW_PORT) -> None:
        self.root, self.aws_port, self.airflow_port = root, aws_port, airflow_port
        self.aws_url, self.airflow_url = (f"http://127.0.0.1:{port}" for port in (aws_port, airflow_port))
        self.s3_path = root / "s3"
        """Buckets as folders."""
        self.bucket_path = self.s3_path / BUCKET
        self.emr_path = root / "emr"
        """Work folders of the clusters."""
        self.airflow_path = root / "airflow"
        self.passwords_path = self.airflow_path / "passwords.json"
        """The passwords of Airflow's users, as its simple auth manager reads them."""
        self.logs_path = root / "logs"
        self.run_path = root / "run"
        """Pid files and locks."""
        self.kept_path = self.run_path / "services.keep"
        """The file that says that `make up` keeps the services."""
        self.spark_env_path = root / "envs" / "spark"
        self.airflow_python = root / "envs" / "airflow" / "bin" / "python"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "LocalHome":
        return cls(
            Path(environment.get("LOCAL_HOME") or REPOSITORY / ".local").absolute(),
            int(environment.get("LOCAL_AWS_PORT") or AWS_PORT),
            int(environment.get("AIRFLOW_PORT") or AIRFLOW_PORT),
        )

    @property
    def for_comparisons(self) -> "LocalHome":
        """The home of `make compare`; its ports are the next ones, so that it runs while `make up` does."""
        return LocalHome(self.root / "compare", self.aws_port + 1, self.airflow_port + 1)


def local_environment(home: LocalHome, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of every process of one machine: the inherited one, made local."""
    _close_to_others(home.root)
    # Else Airflow draws one itself, and writes it to its log.
    airflow_password(home)
    made = _settings(home) | _kept_secrets(home.airflow_path / "secrets.json", SECRETS)
    # Real credentials and endpoints of the person who runs this must not reach a run that is meant for this machine.
    kept = {name: value for name, value in inherited.items() if not name.startswith("AWS_")}
    # Requests to this machine's own services never go through a proxy.
    past_proxies = filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1", "localhost"])
    return kept | made | dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(past_proxies))


def _settings(home: LocalHome) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": home.aws_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AIRFLOW_HOME": str(home.airflow_path),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps({"conn_type": "aws", "extra": {"region_name": REGION}}),
        "AIRFLOW__API__BASE_URL": home.airflow_url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(home.airflow_port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{home.airflow_url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords_path),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{AIRFLOW_USER}:admin",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.airflow_path}/airflow.db?timeout={SQLITE_PATIENCE_S}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.airflow_path / "logs"),
        # How long a task that has ended may stay unnoticed (5 s by default). If it was deferred, it may be resumed by
        # then, and the scheduler takes the resumed one for lost.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "FRUIT_FEATURES_BUCKET": BUCKET,
        "FRUIT_FEATURES_NODE_VENV": str(home.spark_env_path),
        "FRUIT_FEATURES_LOG_WAIT_S": "10",
        "FRUIT_FEATURES_POLL_S": "1",
        "FRUIT_FEATURES_REGION": REGION,
        "FRUIT_FEATURES_SOURCE_URI": f"s3://{BUCKET}/landing/demo",
        "FRUIT_FEATURES_WHEELS_URI": "none",
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}",
    }


def airflow_password(home: LocalHome) -> str:
    """Return the password of Airflow's administrator."""
    return _kept_secrets(home.passwords_path, {AIRFLOW_USER: lambda: secrets.token_urlsafe(12)})[AIRFLOW_USER]


def _kept_secrets(path: Path, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """Return the secrets of a file that only its owner reads; those that it does not have yet are made first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of two processes that start together, the second takes what the first has made.
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if missing := {name: make() for name, make in makers.items() if name not in kept}:
            draft = path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(kept | missing), encoding="utf-8")
            draft.replace(path)
    return kept | missing


def _close_to_others(root: Path) -> None:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = root.stat().st_mode
    # A folder such as /tmp, which all users share, stays as it is.
    if mode & 0o077 and not mode & stat.S_ISVTX:
        root.chmod(0o700)
