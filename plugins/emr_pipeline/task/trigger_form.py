"""The trigger form: the contract's params as Airflow shows, checks and explains them."""

from airflow.sdk import Param

from emr_pipeline.settings import Settings
from run_contract import params as contract


def run_params(settings: Settings) -> dict[str, Param]:
    """Return the form, section by section; what has no default of its own takes the deployment's setting."""
    return {
        param.name: Param(
            getattr(settings, param.name) if param.is_required else _plain(param.default),
            title=param.title,
            description=param.help,
            section=param.section,
            **param.json_schema(),
        )
        for param in contract.PARAMS
    }


def _plain(default: object) -> object:
    """JSON has lists and no tuples."""
    return list(default) if isinstance(default, tuple) else default
