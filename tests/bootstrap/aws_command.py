"""Stand-in for `aws s3 cp --no-progress [--recursive] URI PATH`, over boto3."""

import sys
from pathlib import Path

import boto3


def main(arguments: list[str]) -> None:
    assert arguments[:3] == ["s3", "cp", "--no-progress"]
    *options, uri, path = arguments[3:]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    if options != ["--recursive"]:
        s3.download_file(bucket, key, path)
        return
    Path(path).mkdir(parents=True)
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]:
        s3.download_file(bucket, entry["Key"], str(Path(path) / entry["Key"].removeprefix(key)))


if __name__ == "__main__":
    main(sys.argv[1:])
