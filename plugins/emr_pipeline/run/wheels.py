"""The wheels from which a node is installed: which lock a run needs, where its wheels lie, and which are missing."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from run_contract.param_queries import param_named

# By the param `engine`: TensorFlow is more than half of an environment that has it, and only its own engine needs it.
LOCKS = {"openvino": "requirements.txt", "tensorflow": "requirements-tensorflow.txt"}
DEFAULT_LOCK = LOCKS[param_named("engine").default]
# What `bootstrap/` installs with: the Python that it looks for, on a node of EMR 7.
PYTHON_VERSION = "3.11"
NODE = {
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON_VERSION}.0",
    "python_version": PYTHON_VERSION,
    "sys_platform": "linux",
}


def lock_of(params: Mapping[str, Any]) -> str:
    """Return the name of the lock from which the nodes of a run are installed."""
    return LOCKS[params["engine"]]


def upload_commands(lock_name: str, wheels_uri: str, folder: str = ".local/wheels") -> tuple[str, str]:
    """Return the commands that bring a lock's wheels into the bucket, in a checkout of the same version.

    >>> upload_commands("requirements.txt", "s3://pictures/wheels")
    ('make wheels LOCK=requirements.txt', 'aws s3 sync .local/wheels/ s3://pictures/wheels/')
    """
    return f"make wheels LOCK={lock_name}", f"aws s3 sync {folder}/ {wheels_uri}/"


@dataclass(frozen=True)
class Pin:
    """One package of a lock, with the hashes that its files may have."""

    name: str
    version: Version
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def line(self) -> str:
        """The pin as pip reads it, without a marker."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={each}" for each in self.hashes)])


def wheels_key(lock: bytes) -> str:
    """Return the name of the folder of a lock's wheels, which `bootstrap/` computes by sha256sum."""
    return hashlib.sha256(lock).hexdigest()[:16]


def node_pins(lock: bytes) -> Iterator[Pin]:
    """Yield the pins of a lock that apply on a node.

    >>> text = b"a==1 ; python_full_version >= '3.12' --hash=sha256:00\\nB_c==2.0 --hash=sha256:01"
    >>> [str(pin) for pin in node_pins(text)]
    ['b-c 2.0']
    """
    for block in re.split(r"\n(?=\S)", lock.decode()):
        if not block[:1].isalnum():
            continue
        requirement = Requirement(re.split(r"\\|--hash", block, maxsplit=1)[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(NODE):
            (pinned,) = requirement.specifier
            hashes = tuple(re.findall(r"--hash=(\S+)", block))
            yield Pin(canonicalize_name(requirement.name), Version(pinned.version), hashes)


def missing_wheels(lock: bytes, names: Iterable[str]) -> list[str]:
    """Return the packages of a lock for which there is no wheel among the names of files."""
    found = set()
    for name in names:
        with suppress(InvalidWheelFilename):
            found.add(parse_wheel_filename(name)[:2])
    return [str(pin) for pin in node_pins(lock) if (pin.name, pin.version) not in found]
