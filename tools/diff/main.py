"""`make diff`: says what two snapshots differ in; by default the current one and the one before it.

python -m tools.diff.main [--a SNAPSHOT] [--b SNAPSHOT] [--bucket NAME] [--json]
"""

import argparse
import json
from collections.abc import Sequence

from tools.diff.bucket import Bucket
from tools.diff.difference import chosen, difference
from tools.diff.text import lines
from tools.errors import run_tool
from tools.local.home import LocalHome


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="make diff", description=__doc__)
    parser.add_argument("--a", help="the snapshot before; by default the one before b")
    parser.add_argument("--b", help="the snapshot after; by default the current one")
    parser.add_argument("--bucket", help="a bucket of S3; by default the one of this machine")
    parser.add_argument("--json", action="store_true", help="as JSON, with every photograph that differs")
    asked = parser.parse_args(arguments)
    bucket = Bucket.of_s3(asked.bucket) if asked.bucket else Bucket.of_this_machine(LocalHome.from_environment())
    found = difference(bucket, *chosen(bucket, asked.a, asked.b))
    print(json.dumps(found, indent=2) if asked.json else "\n".join(lines(found)))


if __name__ == "__main__":
    run_tool(main)
