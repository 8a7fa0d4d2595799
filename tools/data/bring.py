"""Brings photographs into the bucket: a folder, or the demo set.

python -m tools.data.bring [FOLDER]
"""

from collections.abc import Sequence
from pathlib import Path

from tools.data.demo_photos import make_demo_photos
from tools.data.mirror import bring_folder
from tools.errors import run_tool
from tools.local.home import LocalHome

DEMO = "demo"


def bring(source: str | None, home: LocalHome) -> str:
    """Return the URI of the photographs: `source` itself if it is one, else the place of its files in the bucket."""
    # A folder of its name is all that makes a bucket.
    home.bucket_path.mkdir(parents=True, exist_ok=True)
    if source is not None and source.startswith("s3://"):
        return source.rstrip("/")
    folder = make_demo_photos(home.root / DEMO) if source is None else Path(source)
    mirrored = bring_folder(folder, home)
    files = mirrored.linked + mirrored.copied + mirrored.unchanged
    print(
        f"{files:,} files in {mirrored.uri}: {mirrored.linked:,} linked, {mirrored.copied:,} copied, "
        f"{mirrored.unchanged:,} unchanged, {mirrored.removed:,} removed"
    )
    for reason in mirrored.left_out:
        # A name that is not UTF-8 cannot be printed as it is.
        print(f"  left out: {reason.encode(errors='backslashreplace').decode()}")
    return mirrored.uri


def main(arguments: Sequence[str]) -> None:
    bring(arguments[0] if arguments else None, LocalHome.from_environment())


if __name__ == "__main__":
    run_tool(main)
