"""`detector schema`: prints the contract, or writes its generated files."""

from __future__ import annotations

from pathlib import Path

import click

from detector.contract import asyncapi, schemas


@click.command()
@click.argument("name", type=click.Choice([*schemas.NAMES, "asyncapi"]), required=False, metavar="[NAME]")
@click.option(
    "--write",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write all generated files into DIR: schemas/NAME.schema.json and asyncapi.yaml.",
)
def command(name: str | None, write: Path | None) -> None:
    """Print the JSON Schema of a record or of policy files, or the AsyncAPI document of all public topics.

    \b
    NAME   event (any kind), or one kind: action, appeal, appeal_decision, reversal, review, deploy, evaluated
           alert, breaker, heartbeat, deadletter (what stands in a dead letter's headers)
           policies (a policy file, for editors), asyncapi
    """  # noqa: D301 - \b is click's mark for a block that must not be wrapped
    if (name is None) == (write is None):
        raise click.UsageError(f"give one of --write DIR or a NAME: {', '.join([*schemas.NAMES, 'asyncapi'])}")
    if write is not None:
        _write(write)
    else:
        click.echo(_document(str(name)), nl=False)


def _document(name: str) -> bytes:
    return asyncapi.printed() if name == "asyncapi" else schemas.printed(schemas.schema(name))


def _write(directory: Path) -> None:
    files = {f"schemas/{name}": content for name, content in schemas.files().items()}
    for name, content in {**files, "asyncapi.yaml": asyncapi.printed()}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
