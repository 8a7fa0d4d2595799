"""The trigger form: the contract's params as Airflow shows, checks and explains them."""

from typing import Any

from airflow.sdk import Param

from emr_pipeline.settings import Settings
from run_contract import params as contract
from run_contract.param import Param as ContractParam


def run_params(settings: Settings) -> dict[str, Param]:
    """Return the form, section by section; the deployment's settings go before the contract's defaults."""
    return {
        param.name: Param(
            _default(param, settings),
            title=param.title,
            description=_description(param, settings),
            section=param.section,
            **param.json_schema(),
        )
        for param in contract.PARAMS
    }


def _default(param: ContractParam, settings: Settings) -> Any:
    if param.is_required:
        return getattr(settings, param.name)
    default = settings.params.get(param.name, param.default)
    # JSON has lists and no tuples.
    return list(default) if isinstance(default, tuple) else default


def _description(param: ContractParam, settings: Settings) -> str:
    return f"{param.help} This deployment sets it: {param.setting}." if param.name in settings.params else param.help
