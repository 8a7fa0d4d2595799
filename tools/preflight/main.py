"""`make preflight`: asks the account, before anyone pays, whether a run can work. It only reads.

    python -m tools.preflight.main [OUTPUTS_JSON]

OUTPUTS_JSON is what `aws cloudformation describe-stacks` says of the stack; without it the settings of the environment
are taken, as the DAGs read them. The credentials are those that boto3 finds.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from emr_pipeline.s3.objects import error_code
from tools.errors import run_tool
from tools.preflight.account import Account, PreflightError
from tools.preflight.finding import TO_DO, Finding, lines
from tools.preflight.network import network
from tools.preflight.params import params
from tools.preflight.quotas import quotas
from tools.preflight.roles import airflow_policy, encryption, roles, spot_role
from tools.preflight.storage import bucket, code, weights, wheels

Question = Callable[[Account], Iterator[Finding]]
QUESTIONS: tuple[Question, ...] = (
    *(params, bucket, code, wheels, weights, roles, spot_role, airflow_policy, encryption, network, quotas),
)
DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def main(arguments: Sequence[str]) -> int:
    account = Account.opened(Path(arguments[0]) if arguments else None)
    try:
        findings = [who(account), *(finding for question in QUESTIONS for finding in asked(question, account))]
    except (BotoCoreError, ClientError) as error:
        raise PreflightError(f"the account in {account.region} cannot be asked: {error}") from error
    print("\n".join(lines(findings)))
    return int(any(finding.state == TO_DO for finding in findings))


def who(account: Account) -> Finding:
    caller = account.client("sts").get_caller_identity()
    return Finding("account", f"{caller['Account']} in {account.region}, asked by {caller['Arn']}")


def asked(question: Question, account: Account) -> Iterator[Finding]:
    """Return what was found, and what the credentials may not ask: nobody knows then whether it is in order."""
    try:
        yield from question(account)
    except ClientError as error:
        if error_code(error) not in DENIED:
            raise
        text = f"not known: these credentials may not call {error.operation_name}"
        yield Finding(
            question.__name__.replace("_", " "), text, ("aws sts get-caller-identity  # ask as somebody else",)
        )


if __name__ == "__main__":
    run_tool(main)
