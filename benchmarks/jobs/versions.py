"""Prints the versions of what is measured, as JSON."""

import json
import platform
from importlib import metadata

PACKAGES = ("pyspark", "tensorflow-cpu", "keras", "openvino", "numpy", "pyarrow", "pillow")


def main() -> None:
    versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}
    print(json.dumps(versions))


if __name__ == "__main__":
    main()
