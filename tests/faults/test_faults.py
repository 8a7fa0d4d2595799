"""Break one thing at a time: the run ends as it must, nothing is left running, nothing half done is published."""

from collections.abc import Mapping
from concurrent.futures import Future

import pytest

from tests.faults.fault import Fault
from tests.faults.playing import Row
from tests.faults.rows import FAULTS
from tests.faults.table import Table


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_as_it_must(fault: Fault, rows_under_way: Mapping[str, Future[Row]], table: Table) -> None:
    table.add(*rows_under_way[fault.name].result())
