"""Command line: `python -m local_aws --root DIR --port N --work DIR --spark-env DIR`."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local_aws.config import EndpointConfig
from local_aws.hardness import read_hardness
from local_aws.server import StartupError, serve
from local_aws.signature import AccessKey


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {number}")
    return number


def _folder(text: str) -> Path:
    return Path(text).absolute()


def parse_arguments(arguments: Sequence[str]) -> EndpointConfig:
    parser = argparse.ArgumentParser(prog="python -m local_aws", description="AWS on one machine: S3, EMR, SQS, STS.")
    parser.add_argument("--root", type=_folder, required=True, help="the folder of the buckets: ROOT/<bucket>/<key>")
    parser.add_argument("--work", type=_folder, required=True, help="the folder of the clusters' work and live logs")
    parser.add_argument("--spark-env", type=_folder, required=True, help="the virtual environment that steps run in")
    parser.add_argument("--port", type=_port, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--allow-host", dest="allowed_hosts", action="append", default=[], help="a name by which clients reach it, too"
    )
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="of Spark (default: %(default)s)")
    parser.add_argument("--driver-memory", default="2g", help="of Spark (default: %(default)s)")
    parser.add_argument("--like", choices=("aws",), help="be as hard as AWS in all that --hard can set")
    parser.add_argument("--hard", action="append", default=[], metavar="NAME=VALUE", help="be so hard in one thing")
    # Not as options: everybody can read the command lines of a machine.
    key = AccessKey(os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", ""))
    given = vars(parser.parse_args(arguments))
    try:
        hardness = read_hardness(given.pop("like") is not None, given.pop("hard"))
    except ValueError as error:
        parser.error(str(error))
    return EndpointConfig(**given, key=key, hardness=hardness)


def main(arguments: Sequence[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        serve(parse_arguments(arguments))
    except StartupError as error:
        logging.getLogger("local_aws").error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
