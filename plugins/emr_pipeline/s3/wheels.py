"""The wheels of the nodes in the bucket: found whole, or refused before there is a cluster."""

import logging
from typing import Any

from emr_pipeline.errors import CodeNotFoundError, WheelsMissingError
from emr_pipeline.run.layout import object_of
from emr_pipeline.run.wheels import missing_wheels, upload_commands, wheels_key
from emr_pipeline.s3.objects import etags_under, unless_missing

logger = logging.getLogger(__name__)


def refuse_missing_wheels(s3: Any, code_uri: str, wheels_uri: str, lock_name: str) -> None:
    """Raise a WheelsMissingError unless every wheel of the lock of this name lies in the bucket."""
    lock_uri = f"{code_uri}/bootstrap/{lock_name}"
    answer = unless_missing(s3.get_object, **object_of(lock_uri))
    if answer is None:
        raise CodeNotFoundError(f"{lock_uri} is not there: stage all of one version of the code, bootstrap/ too")
    lock = answer["Body"].read()
    folder = f"{wheels_uri}/{wheels_key(lock)}"
    missing = missing_wheels(lock, etags_under(s3, folder))
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise WheelsMissingError(
            f"{folder}/ lacks the wheel of {missing[0]}{others}: nodes are installed from there, as {lock_uri} says, "
            f"and from no package index. In a checkout of this version: "
            f"{', then '.join(upload_commands(lock_name, wheels_uri))}"
        )
    logger.info("Nodes are installed from %s/", folder)
