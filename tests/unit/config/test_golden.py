"""Messages about policy files, word for word. `python -m tests.unit.config.test_golden` writes them anew for review."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.config.policies import resolve
from detector.errors import ConfigError

FOLDER = Path(__file__).parents[2] / "golden" / "policies"
FILES = sorted(FOLDER.glob("*.yaml"))


def messages(path):
    try:
        resolve([(path.name, path.read_bytes())])
    except ConfigError as error:
        return f"{error}\n"
    return "no problem\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_wrong_file_is_explained_in_these_words(path):
    assert messages(path) == path.with_suffix(".txt").read_text()


if __name__ == "__main__":
    for each in FILES:
        each.with_suffix(".txt").write_text(messages(each))
