"""What CloudFormation does and moto's does not: entries that conditions leave out, and outputs of what was deployed."""

from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet

_moto_clean = parsing.clean_json


def _clean(resource_json: Any, resources_map: Any) -> Any:
    """Return what moto makes of a part of a template, without the entries of lists that AWS::NoValue stands for."""
    cleaned = _moto_clean(resource_json, resources_map)
    return [entry for entry in cleaned if entry is not None] if isinstance(resource_json, list) else cleaned


def _apply(change_set: ChangeSet) -> None:
    """Do what a change set says, which is how the command line deploys; moto would give the stack no outputs."""
    stack = change_set.stack
    stack.template, stack.parameters = change_set.template, change_set.parameters
    stack._parse_template()
    stack.resource_map.update(stack.template_dict, change_set.parameters)
    stack.output_map = stack._create_output_map()


def install() -> None:
    """Put both in their places."""
    parsing.clean_json = _clean
    ChangeSet.apply = _apply  # type: ignore
