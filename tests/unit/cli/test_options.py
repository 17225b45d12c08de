"""Flags that are made from the process settings."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from detector.cli.options import settings_options
from detector.config.setting_types import CONNECTION, FIELDS, SECRETS, description, flag, variable
from detector.config.settings import load


@click.command(context_settings={"max_content_width": 400, "terminal_width": 400})
@settings_options()
def everything(**flags):
    click.echo(repr(load({}, flags)))


@click.command()
@settings_options(*CONNECTION)
def connection(**flags):
    click.echo(" ".join(flags))


@pytest.mark.parametrize("name", FIELDS)
def test_help_lists_each_setting_with_variable_default_and_meaning(name):
    text = CliRunner().invoke(everything, ["--help"]).output
    lines = [line for line in text.splitlines() if re.search(rf"\[{variable(name)}\b", line)]

    assert len(lines) == 1
    assert description(name) in lines[0]
    assert flag(name) in text


@pytest.mark.parametrize(
    ("name", "default"),
    [("web_port", "8080"), ("checkpoint_interval_s", "5"), ("allow_plaintext", "false"), ("log_format", "plain")],
)
def test_help_spells_defaults_as_one_would_give_them(name, default):
    assert f"[{variable(name)}; default {default}]" in CliRunner().invoke(everything, ["--help"]).output


def test_flags_reach_the_settings():
    result = CliRunner().invoke(
        everything,
        ["--web-port", "0", "--skip-topic-checks", "--policies", "a", "--policies", "b", "--log-format", "json"],
    )

    for expected in ("web_port=0", "skip_topic_checks=True", "policies=('a', 'b')", "log_format='json'"):
        assert expected in result.output


def test_a_switch_can_be_turned_off_again():
    assert "allow_plaintext=False" in CliRunner().invoke(everything, ["--no-allow-plaintext"]).output


def test_no_flag_takes_a_secret_itself():
    text = CliRunner().invoke(everything, ["--help"]).output

    for name in SECRETS:
        assert f"--{name.replace('_', '-')} " not in text
        assert f"{variable(name)} or {variable(name)}_FILE" in text


def test_a_command_may_take_some_of_them_only():
    assert CliRunner().invoke(connection, []).output.split() == [
        f"{name}_file" if name in SECRETS else name for name in CONNECTION
    ]
