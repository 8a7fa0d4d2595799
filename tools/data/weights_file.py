"""Brings weights into the bucket: a file of one's own, or Keras's own if they can be had."""

import subprocess
from pathlib import Path

from run_contract.backbones import pointer_uri
from run_contract.weights import is_named
from tools.data.one_file import bring_file, bring_network
from tools.errors import WeightsFileError
from tools.local.home import BUCKET, REPOSITORY, LocalHome, local_environment

DEMO_FALLBACK = "random:0"


def bring_weights(weights: str, home: LocalHome) -> str:
    """Return the DAG's `weights` for what a person wrote; a file is placed under models/<sha256>/ first.

    With the description of a network of one's own its model is placed there, too.
    """
    if is_named(weights):
        return weights
    path = Path(weights).expanduser()
    if not path.is_file():
        raise WeightsFileError(
            f"WEIGHTS={weights}: no such file; give a .h5 or .keras file, the .json of a network of your own, "
            "its s3:// URI, imagenet, or random:<seed>"
        )
    if path.suffix.lower() == ".json":
        return bring_network(path, home)
    return bring_file(path, "models", home)


def imagenet_or_why_not(backbone: str, home: LocalHome) -> str | None:
    """Return why Keras's own weights are not in the bucket and cannot be brought there, None if they are there now."""
    if Path(pointer_uri(str(home.bucket_path / "models"), backbone)).is_file():
        return None
    python, script = home.spark_env_path / "bin" / "python", REPOSITORY / "tools" / "data" / "stage_weights.py"
    environment = local_environment(home) | {"PYTHONPATH": f"{REPOSITORY / 'spark_jobs'}:{REPOSITORY}"}
    command = [str(python), str(script), backbone, f"s3://{BUCKET}/models"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"stage_weights.py ended with {done.returncode} and said nothing"
