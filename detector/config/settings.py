"""Process settings: `DETECTOR_*` variables and flags, checked together, every problem reported at once.

A flag wins over its variable; an empty variable counts as absent. Policies stand in files: see `config.policies`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import inspect

from detector.config import scalars, words
from detector.config.setting_checks import conflicts
from detector.config.setting_types import FIELDS, PREFIX, SECRETS, Secret, Settings, variable
from detector.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_TYPO_CUTOFF: Final = 0.8
_FOREIGN: Final = re.compile(r"DETECTOR_(TEST_|SERVICE_|PORT($|_)).*")  # our tests; Kubernetes, of a service `detector`


def load(env: Mapping[str, str], flags: Mapping[str, object], required: Collection[str] = ()) -> Settings:
    """Settings from variables and flags (by field name, None: not given; secrets also as `<name>_file`).

    Raises ConfigError with all problems: the place, the value unless it is secret, what is allowed, what to do.
    """
    reader = _Reader(env, flags)
    values = {name: value for name in FIELDS if (value := reader.read(name)) is not None}
    reader.refuse_typos()
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was parsed by its field's type
    reader.problems += conflicts(settings, set(values), reader.failed, required)
    if reader.problems:
        raise ConfigError(reader.problems)
    return settings


class _Reader:
    """Reads one setting after the other and keeps every problem."""

    def __init__(self, env: Mapping[str, str], flags: Mapping[str, object]) -> None:
        self.problems: list[Problem] = []
        self.failed: set[str] = set()
        self._env = env
        self._flags = flags

    def read(self, name: str) -> object:
        """The setting's value, None when it is absent or wrong."""
        found = len(self.problems)
        value = self._secret(name) if name in SECRETS else self._plain(name)
        if len(self.problems) > found:
            self.failed.add(name)
        return value

    def refuse_typos(self) -> None:
        """A variable that is nearly one of ours is a mistake; others may belong to somebody else."""
        known = {variable(name) for name in FIELDS} | {variable(f"{name}_file") for name in SECRETS}
        for name in sorted(set(self._env) - known):
            hint = words.suggestion(name, known, _TYPO_CUTOFF)
            if name.startswith(PREFIX) and hint and not _FOREIGN.fullmatch(name):
                self._add(name, f"no such setting{hint}")

    def _raw(self, name: str) -> tuple[str, Any]:
        given = self._flags.get(name)
        if given is not None and given != ():
            return f"--{name}".replace("_", "-"), given
        return variable(name), self._env.get(variable(name)) or None

    def _plain(self, name: str) -> object:
        place, raw = self._raw(name)
        if raw is None:
            return None
        kind, _, _ = scalars.unwrap(FIELDS[name].type)
        if isinstance(kind, inspect.VarTupleType):
            return tuple(raw) if isinstance(raw, tuple | list) else tuple(filter(None, map(str.strip, raw.split(","))))
        try:
            return scalars.parse(kind, str(raw))
        except ValueError:
            self._add(place, words.complaint(kind, str(raw)))
            return None

    def _secret(self, name: str) -> Secret | None:
        (place, text), (file_place, path) = self._raw(name), self._raw(f"{name}_file")
        if text is not None and path is not None:
            self._add(place, f"is given twice, also as {file_place}; keep one of them")
            return None
        if path is not None:
            place, text = file_place, self._file(file_place, str(path))
        if text is None or isinstance(text, Secret):
            return text
        if not text or not _is_utf8(text):
            self._add(place, f"holds {'bytes that are not UTF-8' if text else 'nothing'}; put the secret there")
            return None
        return Secret(text)

    def _file(self, place: str, path: str) -> str | None:
        try:
            return Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._add(place, f"can't read {words.shown(path)}: {reason}; name a readable file")
            return None

    def _add(self, place: str, message: str) -> None:
        self.problems.append(Problem(place, 0, 0, message))


def _is_utf8(text: str) -> bool:
    """Bytes of the environment that are not UTF-8 arrive as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
