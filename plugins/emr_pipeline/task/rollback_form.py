"""The form of fruit_features_rollback: the contract's params of a rollback as Airflow shows and checks them."""

from airflow.sdk import Param

from run_contract.rollbacks import ROLLBACK_PARAMS


def rollback_params() -> dict[str, Param]:
    """Return the form; the snapshot has no default, so nobody goes back by mistake."""
    return {
        param.name: Param(param.default, title=param.title, description=param.help, **param.json_schema())
        for param in ROLLBACK_PARAMS
    }
