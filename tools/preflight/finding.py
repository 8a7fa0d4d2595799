"""What was found out about one thing, and how findings are shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

OK, TO_DO = "ok", "to do"


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was asked of, what was found, and the commands of what is to be done."""

    subject: str
    text: str
    commands: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        return TO_DO if self.commands else OK


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Return the findings as a table, each command on a line of its own, and how many are to do.

    >>> print(*lines([Finding("bucket", "it is there"), Finding("spot", "no role", ("make it",))]), sep="\\n")
    bucket  ok     it is there
    spot    to do  no role
                   make it
    1 of 2 to do
    """
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        yield f"{finding.subject:<{width}}  {finding.state:<{len(TO_DO)}}  {finding.text}"
        for command in finding.commands:
            yield " " * (width + len(TO_DO) + 4) + command
    count = sum(finding.state == TO_DO for finding in findings)
    yield f"{count} of {len(findings)} to do" if count else f"all {len(findings)} are ok"
