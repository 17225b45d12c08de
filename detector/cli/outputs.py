"""Where a command writes: never over what it reads, and a whole file or none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from detector.errors import Problem

STDOUT: Final = "-"


def conflicts(outs: Mapping[str, str], ins: Mapping[str, str]) -> list[Problem]:
    """What is wrong with paths to write to, by flag. `ins`: what is read, by path: what it is called."""
    found = []
    if sum(path == STDOUT for path in outs.values()) > 1:
        found.append(Problem(STDOUT, 0, 0, f"standard output takes one of {', '.join(outs)}"))
    taken = {os.path.realpath(path): what for path, what in ins.items() if path != STDOUT}
    for flag, path in outs.items():
        if path == STDOUT:
            continue
        if reason := _unwritable(Path(path)):
            found.append(Problem(flag, 0, 0, f"can't be written: {reason}"))
        elif _is_plain(Path(path)) and (other := taken.setdefault(os.path.realpath(path), flag)) != flag:
            found.append(Problem(flag, 0, 0, f"would write over {other}, {path!r}; name another file"))
    return found


@contextmanager
def writing(path: str) -> Iterator[IO[bytes]]:
    """A file that is there, whole, once the block ends well; before, and otherwise, it is as it was."""
    if path == STDOUT:
        yield sys.stdout.buffer
    elif not _is_plain(Path(path)):
        with Path(path).open("wb") as device:
            yield device
    else:
        target = Path(path).resolve()
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with part.open("xb") as file:
                yield file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _unwritable(path: Path) -> str | None:
    folder = path.absolute().parent
    if path.is_dir():
        return f"{str(path)!r} is a folder; name a file"
    if not folder.is_dir():
        return f"there is no folder {str(path.parent)!r}"
    if _is_plain(path) and not os.access(folder, os.W_OK):
        return f"the folder {str(folder)!r} is not yours to write to"
    return None


def _is_plain(path: Path) -> bool:
    """A file, or none yet: no device or pipe, which can't be replaced."""
    return path.is_file() or not path.exists()
