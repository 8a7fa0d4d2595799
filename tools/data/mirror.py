"""Brings a local folder of photographs into the bucket as `landing/<folder's name>/`, a mirror of the folder."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from local_aws.s3.files.paths import ObjectPathError, check_key, is_hidden
from tools.errors import SourceError
from tools.local.home import BUCKET, LocalHome

# Another file system, no right to link, too many links, no links here: copy instead.
CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}

State = list[int]
"""Size in bytes and time of change in ns: a file that has the same of both is the same file."""


class Mirror:
    """A folder, its place in the bucket, and the record of what was placed there: nothing else is ever removed.

    Its numbers, which are of files, say what bringing the folder in did. Raises SourceError if another folder has the
    place.
    """

    def __init__(self, folder: Path, home: LocalHome) -> None:
        self.folder, self.uri = folder, f"s3://{BUCKET}/landing/{folder.name}"
        self.landing_path = home.bucket_path / "landing" / folder.name
        self.record_path = home.root / "mirrors" / f"{folder.name}.json"
        # Made next to the buckets and renamed, so that nobody ever lists half a file.
        self.draft_path = home.root / f"landing-{os.getpid()}.draft"
        record = json.loads(self.record_path.read_text(encoding="utf-8")) if self.record_path.exists() else {}
        if record.get("folder", str(folder)) != str(folder):
            raise SourceError(
                f"{folder}: landing/{folder.name} in the bucket mirrors another folder, {record['folder']}; give one "
                f"of the two another name, or, to do without the other's, remove {self.landing_path} and "
                f"{self.record_path}"
            )
        self.placed: dict[str, State] = record.get("placed", {})
        self.before: dict[str, State] = record.get("before", {})
        self.linked = self.copied = self.unchanged = self.removed = 0
        self.left_out: list[str] = []

    def check_is_ours(self, target: Path) -> None:
        """Raise SourceError for a file in the bucket that this mirror did not place there as it is now."""
        relative = target.relative_to(self.landing_path).as_posix()
        if _state(target) not in (self.placed.get(relative), self.before.get(relative)):
            raise SourceError(
                f"{target}: was put into the bucket or changed there, and would be lost, for {self.folder} has another "
                "file or none of its name; move it out of the bucket, or give the folder another name, and run again"
            )

    def record(self, placed: dict[str, State], before: dict[str, State]) -> None:
        """Write down what lies in the bucket because this mirror placed it, or will: until then, what was there before.

        A run that is killed in between leaves files of both kinds.
        """
        self.record_path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.record_path.with_suffix(".draft")
        draft.write_text(json.dumps({"folder": str(self.folder), "placed": placed, "before": before}), encoding="utf-8")
        draft.replace(self.record_path)

    def make_room(self, changed: list[str], gone: list[str]) -> None:
        """Remove what was placed before and is gone or in the way.

        Raises SourceError, before it removes anything, if one of them, or one that would be replaced, is not ours.
        """
        targets = [self.landing_path / relative for relative in changed]
        old = {path for path in (self.landing_path / relative for relative in gone) if path.is_file()}
        for target in targets:
            # Where a folder was there may be a file now, and the other way round.
            old.update(path for path in target.rglob("*") if path.is_file())
            old.update(path for path in target.parents if path.is_file())
        for path in old.union(target for target in targets if target.is_file()):
            self.check_is_ours(path)
        for path in old:
            path.unlink()
            for folder in path.parents:
                if folder == self.landing_path or any(folder.iterdir()):
                    break
                folder.rmdir()
        self.removed = len(old)

    def place(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self.draft_path.unlink(missing_ok=True)
        try:
            try:
                os.link(path.resolve(), self.draft_path)
                self.linked += 1
            except OSError as error:
                if error.errno not in CANNOT_LINK:
                    raise
                shutil.copy2(path, self.draft_path)
                self.copied += 1
            self.draft_path.replace(target)
        finally:
            self.draft_path.unlink(missing_ok=True)


def bring_folder(source_path: Path, home: LocalHome) -> Mirror:
    """Place new and changed files of a folder in `landing/<its name>/`, and remove those placed before that are gone.

    Raises SourceError, before anything is changed, where that would cost a file whose only copy is in the bucket.
    """
    mirror = Mirror(folder := _checked(source_path), home)
    try:
        files = dict(walk_files(folder, home.root.resolve(), mirror.left_out))
        if not files:
            raise SourceError(
                f"{folder}: holds no file; name a folder that holds photographs, at any depth: SOURCE=<folder>"
            )
        wanted = {relative: _state(path) for relative, path in files.items()}
        targets = {relative: mirror.landing_path / relative for relative in files}
        changed = [relative for relative in files if not _is_same(files[relative], targets[relative])]
        mirror.unchanged = len(files) - len(changed)
        mirror.make_room(changed, [relative for relative in mirror.placed if relative not in wanted])
        mirror.record(wanted, {name: _state(targets[name]) for name in changed if targets[name].is_file()})
        for relative in changed:
            mirror.place(files[relative], targets[relative])
        mirror.record(wanted, {})
    except OSError as error:
        raise SourceError(
            f"{folder}: cannot be brought into {mirror.landing_path}: {error.strerror} ({error.filename}); "
            "free the disk or mend the file's permissions, and run again"
        ) from error
    return mirror


def walk_files(folder: Path, skip: Path, left_out: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield each file below `folder`: its path relative to it, and its path. Links are followed, but not in a circle.

    Raises OSError for a folder that cannot be read: its photographs are not gone. What cannot be an object (a broken
    link, a socket, a name that no key can have) is named in `left_out`.
    """
    for name, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        here = Path(name)
        above = {parent.resolve() for parent in (here, *here.parents)}
        circles = [inner for inner in folders if (here / inner).is_symlink() and (here / inner).resolve() in above]
        left_out += [f"{(here / inner).relative_to(folder)}: a link to a folder above it" for inner in circles]
        folders[:] = sorted(inner for inner in folders if inner not in circles and (here / inner).resolve() != skip)
        for path in (here / inner for inner in sorted(files)):
            relative = path.relative_to(folder).as_posix()
            if reason := _no_object(path, f"landing/{folder.name}/{relative}"):
                left_out.append(f"{relative}: {reason}")
            else:
                yield relative, path


def _raise(error: OSError) -> NoReturn:
    raise error


def _checked(source_path: Path) -> Path:
    folder = source_path.expanduser()
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise SourceError(f"{folder}: {what}; SOURCE takes a folder on this machine or an s3:// URI")
    folder = folder.resolve()
    if not folder.name:
        raise SourceError(f"{folder}: has no name to be landing/<name>; name the folder that holds the photographs")
    return folder


def _no_object(path: Path, key: str) -> str | None:
    if not path.is_file():
        return "a broken link" if path.is_symlink() else "not a file"
    try:
        check_key(key)
        key.encode("utf-8")
    except ObjectPathError as error:
        return error.reason
    except UnicodeEncodeError:
        return "its name is not UTF-8, which keys are"
    return "looks like a file that Hadoop is writing" if is_hidden(key) else None


def _state(path: Path) -> State:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _is_same(path: Path, target: Path) -> bool:
    """Return whether the target is the same file, or a copy with its size and time."""
    return target.is_file() and (target.samefile(path) or _state(target) == _state(path))
