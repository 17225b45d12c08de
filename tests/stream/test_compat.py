"""A worker refuses to start on libraries that it was not proved on."""

from __future__ import annotations

import faust.streams
import pytest
from faust.transport.drivers.aiokafka import Consumer

from detector.errors import UnsupportedVersion
from detector.stream import compat


def test_the_pinned_libraries_pass():
    compat.check()


def test_another_version_is_named_with_the_one_that_was_proved(monkeypatch):
    monkeypatch.setattr(compat, "VERSIONS", compat.VERSIONS | {"aiokafka": "0.15.0"})
    with pytest.raises(UnsupportedVersion, match=r"aiokafka is 0\.14\.0, proved on 0\.15\.0.*pip install"):
        compat.check()


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(compat, "VERSIONS", {"no-such-library": "1"})
    with pytest.raises(UnsupportedVersion, match="no-such-library is not installed"):
        compat.check()


def test_pure_python_streams_are_refused(monkeypatch):
    monkeypatch.setattr(faust.streams, "_CStreamIterator", None)
    with pytest.raises(UnsupportedVersion, match="compiled streams"):
        compat.check()


def test_a_method_that_takes_something_else_is_named(monkeypatch):
    monkeypatch.setattr(Consumer, "_new_offset", lambda _self, _tp, _extra: None)
    with pytest.raises(UnsupportedVersion, match=r"_new_offset takes \(_self _tp _extra\), proved on \(self tp\)"):
        compat.check()


def test_a_method_that_is_gone_is_named(monkeypatch):
    monkeypatch.setattr(compat, "SIGNATURES", {"faust.app.base:App._no_such_method": "self"})
    with pytest.raises(UnsupportedVersion, match=r"_no_such_method takes \(missing\)"):
        compat.check()
