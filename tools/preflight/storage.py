"""What a run needs in the bucket: the bucket itself, the code of the clusters, their wheels, and the weights."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from emr_pipeline.errors import CodeNotFoundError, PipelineError, WheelsMissingError
from emr_pipeline.run.wheels import lock_of, upload_commands
from emr_pipeline.s3.objects import error_code, has_bucket
from emr_pipeline.s3.staged_code import check_staged
from emr_pipeline.s3.weights import find_weights, staging_command
from emr_pipeline.s3.wheels import refuse_missing_wheels
from run_contract.weights import IMAGENET
from tools.preflight.account import STACK_COMMAND, Account
from tools.preflight.finding import Finding


def bucket(account: Account) -> Iterator[Finding]:
    s3, name = account.client("s3"), account.settings.bucket
    try:
        exists = has_bucket(s3, name)
    except ClientError as error:
        if error_code(error) not in ("403", "AccessDenied"):
            raise
        text = f"s3://{name} is another account's, or you may not look into it; if it is another's, choose a free name"
        yield Finding("bucket", text, (STACK_COMMAND,))
        return
    if not exists:
        yield Finding("bucket", f"there is no s3://{name}: make the stack, which makes it", (STACK_COMMAND,))
        return
    region = s3.get_bucket_location(Bucket=name)["LocationConstraint"] or "us-east-1"
    if region == account.region:
        yield Finding("bucket", f"s3://{name} in {region}")
    else:
        text = f"s3://{name} is in {region}, and clusters are made in {account.region}: traffic between them costs"
        yield Finding("bucket", text, (f"export FRUIT_FEATURES_REGION={region}",))


def code(account: Account) -> Iterator[Finding]:
    """Ask for the code of this version where a deployment stages it; elsewhere each run uploads what is missing."""
    uri = account.settings.code_uri
    if uri is None:
        yield Finding("code", "each run uploads it, if it is not there yet")
        return
    s3 = account.client("s3")
    try:
        check_staged(s3, uri)
    except PipelineError as error:
        # A bucket that is not there has no code either: the line of the bucket says so.
        copied = f"aws s3 sync --delete .local/mwaa/code/{uri.rpartition('/')[2]} {uri}"
        yield Finding("code", str(error), ("make mwaa-bundle OUTPUTS=<outputs>", copied))
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
        yield Finding("code", f"{uri}: its bucket is not there", (STACK_COMMAND,))
    else:
        yield Finding("code", uri)


def wheels(account: Account) -> Iterator[Finding]:
    """Ask for the wheels of the code that is staged; a deployment without a place for them has other nodes."""
    uri, code_uri = account.settings.wheels_uri, account.settings.code_uri
    if uri is None or code_uri is None:
        return
    lock = lock_of(account.params)
    try:
        refuse_missing_wheels(account.client("s3"), code_uri, uri, lock)
    except WheelsMissingError as error:
        yield Finding("wheels", str(error), upload_commands(lock, uri))
    except CodeNotFoundError:
        yield Finding("wheels", "not known: the code that says which are needed is not there", ("see the line code",))
    else:
        yield Finding("wheels", f"all of {lock} lie under {uri}")


def weights(account: Account) -> Iterator[Finding]:
    """Ask for the weights of a run whose form is left empty; Keras's own should be staged before a run."""
    named, command = account.params["weights"], staging_command(account.params, account.models_uri)
    try:
        found = find_weights(account.client("s3"), account.params, account.models_uri)
    except PipelineError as error:
        yield Finding("weights", str(error), (command,))
        return
    if named == IMAGENET and found.sha256 is None:
        yield Finding("weights", "Keras's own are not staged, so the first run would need internet", (command,))
    else:
        yield Finding("weights", named)
