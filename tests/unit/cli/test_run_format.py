"""`detector run` refuses a format and options that are none before it connects anywhere."""

from __future__ import annotations

import pytest

from detector.cli import main

KEY = "0123456789abcdef"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--format", "csv"], "--format: is 'csv', must be one of coop, dsa, native, osprey, ozone"),
        (["--format-options", "{}"], "DETECTOR_FORMAT_OPTIONS: format 'native' has no options: leave them out"),
        (
            ["--format", "ozone", "--format-options", '{"tool": 1}'],
            "`tool`; give a JSON object with some of: automated_",
        ),
    ],
)
def test_a_wrong_format_or_option_ends_with_two_and_says_what_there_is(monkeypatch, capsys, flags, said):
    monkeypatch.setenv("DETECTOR_SUBJECT_KEY", KEY)
    with pytest.raises(SystemExit) as ended:
        main(["run", *flags])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
