"""The topic specs travel with the package."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from detector.contract import topics

TREE = Path(__file__).parents[2]


def test_the_wheel_has_the_contract_where_the_package_looks_for_it():
    build = tomllib.loads((TREE / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]

    assert build["wheel"]["force-include"] == {"topics": "detector/_topics"}
    assert "topics" in build["sdist"]["include"]


def test_an_installed_package_reads_its_own_copy(tmp_path, monkeypatch):
    monkeypatch.setattr(topics, "_PACKAGE", tmp_path / "detector")
    installed = tmp_path / "detector" / "_topics"
    shutil.copytree(TREE / "topics", installed)

    assert topics.directory() == installed
    assert topics.load.__wrapped__() == topics.load()


def test_a_source_tree_reads_the_files_that_people_edit():
    assert topics.directory() == TREE / "topics"
