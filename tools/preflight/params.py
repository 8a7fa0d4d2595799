"""Whether the params that a deployment sets for all its runs go together."""

from collections.abc import Iterator

from run_contract.backbones import why_not_together
from run_contract.network_params import NETWORK
from tools.preflight.account import Account
from tools.preflight.finding import Finding


def params(account: Account) -> Iterator[Finding]:
    """Ask for the params of the network; every run is refused if they do not go together."""
    reason = why_not_together(account.params)
    if reason is None:
        yield Finding("params", "those of the network go together")
        return
    variables = " ".join(param.setting for param in NETWORK if param.name in account.settings.params)
    yield Finding("params", reason, (f"unset {variables}  # or set what goes together",))
