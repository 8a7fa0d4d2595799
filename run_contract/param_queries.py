"""What one asks of the params: which there are, and what their values say of a run."""

from collections.abc import Mapping
from typing import Any

from run_contract import params
from run_contract.param import Param
from run_contract.stages import FEATURIZE


def param_named(name: str) -> Param:
    """Return the param of this name; raises KeyError for one that there is not."""
    return {param.name: param for param in params.PARAMS}[name]


def params_of(stage: str) -> list[Param]:
    """Return the params that a stage's command line has."""
    return [param for param in params.PARAMS if stage in param.stages]


def make_run_params() -> list[Param]:
    """Return the params that `make run` offers."""
    return [param for param in params.PARAMS if not param.not_of_make_run]


def settable_params() -> list[Param]:
    """Return the params that a deployment may set for all its runs."""
    return [param for param in params.PARAMS if not param.not_a_setting]


def used(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with null for each param that another one makes useless."""
    unused = {param.name for param in params.PARAMS if param.unused_with and values.get(param.unused_with) is not None}
    return {name: None if name in unused else values[name] for name in values}


def of_the_vectors(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that decide which vectors a run computes of a photograph; null for what is not known."""
    return {param.name: values.get(param.name) for param in params.PARAMS if FEATURIZE in param.stages}


def deciding(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that decide what comes out of a run; lists are sorted, for their order means nothing."""
    found = used(values)
    names = [param.name for param in params.PARAMS if not param.not_deciding]
    return {name: sorted(found[name]) if isinstance(found[name], list | tuple) else found[name] for name in names}
