"""The generated files under `topics/` are current, valid, and refuse what the Structs refuse."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from detector.cli.schema import command
from detector.contract import schemas, topics

TOPICS = Path(__file__).parents[2] / "topics"


def test_the_files_in_the_tree_are_what_schema_write_generates(tmp_path):
    result = CliRunner().invoke(command, ["--write", str(tmp_path)], catch_exceptions=False)

    assert result.exit_code == 0
    generated = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    present = {path.relative_to(TOPICS) for path in (TOPICS / "schemas").iterdir()} | {Path("asyncapi.yaml")}
    assert set(generated) == present
    for path, content in generated.items():
        assert (TOPICS / path).read_text() == content, f"run: detector schema --write topics ({path} is stale)"


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_a_valid_schema_of_its_dialect(name):
    Draft202012Validator.check_schema(schemas.schema(name))


@pytest.mark.parametrize("name", schemas.TYPES)
def test_a_schema_requires_exactly_the_fields_that_the_struct_requires(name):
    definitions = schemas.schema(name)["$defs"]
    roots = schemas.TYPES[name].__args__ if name == "event" else [schemas.TYPES[name]]

    for root in roots:
        tag = {"kind"} & set(definitions[root.__name__]["properties"])
        needed = {field.encode_name for field in msgspec.structs.fields(root) if field.required}
        assert set(definitions[root.__name__]["required"]) == needed | tag


def test_the_union_knows_each_kind_by_its_tag():
    mapping = schemas.schema("event")["discriminator"]["mapping"]

    assert set(mapping) == {"action", "appeal", "appeal_decision", "reversal", "review", "deploy", "evaluated"}


@pytest.mark.parametrize("name", [*schemas.NAMES, "asyncapi"])
def test_schema_prints_the_file_that_stands_in_the_tree(name):
    result = CliRunner().invoke(command, [name])

    file = "asyncapi.yaml" if name == "asyncapi" else f"schemas/{name}.schema.json"
    assert result.output == (topics.directory() / file).read_text()


def test_times_of_output_records_are_date_times():
    alert = json.loads((TOPICS / "schemas/alert.schema.json").read_text())["$defs"]["Alert"]["properties"]

    assert alert["onset"]["format"] == alert["detected_at"]["format"] == "date-time"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["event", "--write", "x"]])
def test_schema_without_a_known_name_is_a_usage_error_that_lists_the_names(arguments):
    result = CliRunner().invoke(command, arguments)

    assert result.exit_code == 2
    assert "heartbeat" in result.output
