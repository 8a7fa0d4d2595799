"""The EMR step that is built from a stage of the contract."""

from collections.abc import Mapping
from typing import Any

from emr_pipeline.run.layout import RunLayout
from run_contract.param_queries import params_of, used
from run_contract.stages import STAGES, Stage

__all__ = ["STAGES", "Stage", "stage_arguments", "step"]


def step(stage: Stage, layout: RunLayout, params: Mapping[str, Any], code_uri: str) -> dict[str, Any]:
    """Return the EMR step of a stage.

    A failed step leaves the cluster up: the teardown ends it, once the logs are read.
    """
    submit = ["spark-submit", "--deploy-mode", "client", "--py-files", f"{code_uri}/image_features.zip"]
    job = [f"{code_uri}/{stage.name}.py", *stage_arguments(stage, layout, params)]
    return {
        # By its name it is found again after a retry.
        "Name": f"{stage.name} {layout.run}",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": [*submit, *job]},
    }


def stage_arguments(stage: Stage, layout: RunLayout, params: Mapping[str, Any]) -> list[str]:
    """Return the job's own command line; what is null, or is not used, is left out."""
    options = {place.option: layout.uri(place.name, stage.name) for place in stage.places()}
    values = used(params)
    given = [param for param in params_of(stage.name) if values[param.name] is not None]
    options |= {param.option: param.written(values[param.name]) for param in given}
    return [word for option in options.items() for word in option]
