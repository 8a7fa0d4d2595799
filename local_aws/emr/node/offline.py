"""Network in which a command of a node reaches the endpoint and nothing else.

    unshare --net --map-root-user python offline.py SOCKET PORT COMMAND...

In a network namespace of its own, the command finds the endpoint at 127.0.0.1:PORT as ever: what it sends there is
carried through a Unix socket, which belongs to no network. There is no other way out, so no byte goes any other way.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_OWN_NETWORK = ("unshare", "--net", "--map-root-user")
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_PART_BYTES = 1 << 16


def is_possible() -> bool:
    """Return whether the user of this process may make a network namespace."""
    try:
        return subprocess.run([*_OWN_NETWORK, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def offline(words: Sequence[str], socket_path: Path, port: int) -> list[str]:
    """Return the words that run a command in a network of its own."""
    return [*_OWN_NETWORK, sys.executable, "-I", __file__, str(socket_path), str(port), *words]


def main(socket_path: str, port: int, command: list[str]) -> None:
    """Become the command, next to a process that carries its connections; that ends with the command's session."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    if os.fork() == 0:
        # A step that is asked to stop may still have something to write.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        asyncio.run(_carry(listener, socket_path))
    listener.close()
    os.execvp(command[0], command)


async def _carry(listener: socket.socket, socket_path: str) -> None:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            endpoint_reader, endpoint_writer = await asyncio.open_unix_connection(socket_path)
            await asyncio.gather(_copy(reader, endpoint_writer), _copy(endpoint_reader, writer))

    server = await asyncio.start_server(carry, sock=listener)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError), contextlib.closing(writer):
        while part := await reader.read(_PART_BYTES):
            writer.write(part)
            await writer.drain()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
