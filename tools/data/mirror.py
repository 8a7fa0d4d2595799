"""Brings a local folder of photographs into the bucket as `landing/<folder's name>/`, a mirror of the folder."""

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.s3.files.paths import ObjectPathError, check_key, is_hidden
from tools.errors import SourceError
from tools.local.home import BUCKET, LocalHome

# Another file system, no right to link, too many links, no links here: copy instead.
CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}


@dataclass
class Mirrored:
    """What bringing a folder in did, in files."""

    uri: str
    linked: int = 0
    copied: int = 0
    unchanged: int = 0
    removed: int = 0
    left_out: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        return self.linked + self.copied + self.unchanged


def bring_folder(source_path: Path, home: LocalHome) -> Mirrored:
    """Make `landing/<name>/` the same as `source_path`: new and changed files are placed, what is gone is removed."""
    folder = _checked(source_path)
    landing_path = home.bucket_path / "landing" / folder.name
    mirrored = Mirrored(uri=f"s3://{BUCKET}/landing/{folder.name}")
    wanted: set[Path] = set()
    try:
        for path, relative in walk_files(folder, skip=home.root, left_out=mirrored.left_out):
            target = landing_path / relative
            _clear_the_way(target, landing_path)
            _place(path, target, home, mirrored)
            wanted.add(target)
        _remove_others(landing_path, wanted, mirrored)
    except OSError as error:
        raise SourceError(
            f"{folder}: cannot be brought into {landing_path}: {error.strerror} ({error.filename}); "
            "free the disk or mend the file's permissions, and run again"
        ) from error
    if not wanted:
        raise SourceError(
            f"{folder}: holds no file; name a folder that holds photographs, at any depth: SOURCE=<folder>"
        )
    return mirrored


def walk_files(folder: Path, skip: Path, left_out: list[str]) -> Iterator[tuple[Path, Path]]:
    """Each file below `folder` and its path relative to it; links are followed, but never round in a circle.

    What cannot be an object (a broken link, a socket, a name that no key can have) is named in `left_out`.
    """
    yield from _walk(folder, Path(), frozenset({_identity(folder)}), skip.resolve(), left_out)


def _walk(
    folder: Path, relative: Path, above: frozenset[tuple[int, int]], skip: Path, left_out: list[str]
) -> Iterator[tuple[Path, Path]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path, inner = Path(entry.path), relative / entry.name
        if entry.is_dir():
            if path.resolve() == skip:
                continue
            if _identity(path) in above:
                left_out.append(f"{inner}: a link to a folder above it")
                continue
            yield from _walk(path, inner, above | {_identity(path)}, skip, left_out)
        elif not entry.is_file():
            left_out.append(f"{inner}: {'a broken link' if entry.is_symlink() else 'not a file'}")
        elif (reason := _no_key(inner)) is not None:
            left_out.append(f"{inner}: {reason}")
        else:
            yield path, inner


def _checked(source_path: Path) -> Path:
    folder = source_path.expanduser()
    if not folder.exists():
        raise SourceError(f"{folder}: no such folder; SOURCE takes a folder on this machine or an s3:// URI")
    if not folder.is_dir():
        raise SourceError(f"{folder}: is a file; SOURCE takes a folder on this machine or an s3:// URI")
    folder = folder.resolve()
    if not folder.name:
        raise SourceError(f"{folder}: has no name to be landing/<name>; name the folder that holds the photographs")
    return folder


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _no_key(relative: Path) -> str | None:
    key = f"landing/x/{relative.as_posix()}"
    try:
        check_key(key)
        relative.as_posix().encode("utf-8")
    except ObjectPathError as error:
        return error.reason
    except UnicodeEncodeError:
        return "its name is not UTF-8, which keys are"
    return "looks like a file that Hadoop is writing" if is_hidden(key) else None


def _place(path: Path, target: Path, home: LocalHome, mirrored: Mirrored) -> None:
    if _is_same(path, target):
        mirrored.unchanged += 1
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Made next to the buckets and renamed, so that nobody ever lists half a file.
    draft = home.root / f"landing-{os.getpid()}.draft"
    draft.unlink(missing_ok=True)
    try:
        try:
            os.link(path.resolve(), draft)
            mirrored.linked += 1
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            shutil.copy2(path, draft)
            mirrored.copied += 1
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _is_same(path: Path, target: Path) -> bool:
    """Return whether it is the same file, or a copy with its size and time."""
    try:
        ours = target.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    theirs = path.stat()
    if (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino):
        return True
    return (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)


def _clear_the_way(target: Path, landing_path: Path) -> None:
    """Where the last run had a folder and there is a file now, or the other way round, the old goes first."""
    if target.is_dir():
        shutil.rmtree(target)
    for folder in target.parents:
        if folder == landing_path:
            return
        if folder.is_file():
            folder.unlink()


def _remove_others(landing_path: Path, wanted: set[Path], mirrored: Mirrored) -> None:
    for name, folders, files in os.walk(landing_path, topdown=False):
        for path in (Path(name, file) for file in files):
            if path not in wanted:
                path.unlink()
                mirrored.removed += 1
        for path in (Path(name, folder) for folder in folders):
            if not any(path.iterdir()):
                path.rmdir()
