"""`detector backtest`: a policy file on recorded history, before it may pause anything."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import click
import msgspec

from detector.backtest import checks, document, incidents, sweep, text, transitions
from detector.backtest.result import BadLine, Result
from detector.backtest.run import History, Listeners, run
from detector.cli.outputs import STDOUT, conflicts, writing
from detector.cli.progress import Progress
from detector.config import policies
from detector.errors import BrokenWorld, ConfigError, Problem
from detector.events import Alert
from detector.logs import clean
from detector.policy import Ruleset
from detector.wire import adapters

FAILED = 1


class Asked(NamedTuple):
    """What the command line asks for, checked."""

    history: History
    ruleset: Ruleset
    sweeps: list[sweep.Sweep]
    over: checks.Bounds
    under: checks.Bounds


@click.command(short_help="Judge recorded events by a policy file.")
@click.argument("events", nargs=-1, metavar="EVENTS...", required=True)
@click.option("--policies", "policy_files", multiple=True, metavar="FILE", help="Policy file; several are read as one.")
@click.option(
    "--incidents", metavar="CSV", help="Labelled incidents: policy,onset_utc,fixed_utc, other columns ignored."
)
@click.option("--from", "from_", metavar="TIME", help="Read no events before this time (ISO 8601, UTC without a zone).")
@click.option("--to", metavar="TIME", help="Judge events before this time.")
@click.option("--transitions", "lines", metavar="OUT", help="Write each transition and warning as a line of JSON.")
@click.option("--json", "as_json", metavar="OUT", help="Write the whole result as one JSON document.")
@click.option("--html", metavar="OUT", help="Write the result as one self-contained page with plots.")
@click.option(
    "--sweep", "sweeps", multiple=True, metavar="NAME=V1,V2,...", help="Judge by other values of a setting, too."
)
@click.option("--suggest", is_flag=True, help="Propose settings for single policies, and try them.")
@click.option("--suggested", metavar="OUT", help="With what --suggest proposes, write a whole policy file.")
@click.option("--fail-over", multiple=True, metavar="NAME=VALUE", help="Exit with 1 if a figure is greater.")
@click.option("--fail-under", multiple=True, metavar="NAME=VALUE", help="Exit with 1 if a figure is less.")
@click.option("--format", "form", default="native", show_default=True, metavar="NAME", help="What the records are.")
@click.option("--format-options", metavar="JSON", help="What that format needs to know.")
@click.pass_context
def command(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - click gives text and tuples of it
    """Replay events of the past through the detector, and say what it would have done.

    \b
    EVENTS  files of events, one JSON object a line (plain, gzip or zstd) or Parquet with the same names as columns;
            - for standard input; kafka://host:port/topic (login and encryption as DETECTOR_* variables say)

    Events must be nearly in order of time, over all files together: those later than the policy file's `lateness` give
    no evidence of volume, and are counted. Time passes as the events' own times say, whatever `stream: clock` asks
    for. Memory does not grow with the length of the history. What comes before --from is not known: the detector
    starts without a past and without the deploys of before, so give it some weeks more than those that you ask about.

    Without --policies every policy has the defaults. Without --incidents nothing can be found or missed, but what would
    have been paused, for how long, and how many actions, is told all the same. OUT may be - for standard output; the
    tables then go to standard error.

    \b
    NAME of --fail-over and --fail-under, over policies with 200 actions or more:
      trips_per_policy_year, warnings_per_policy_year; with incidents other_trips_per_policy_year, found_ratio,
      avoided_ratio, median_delay_s, ... (a figure that is not known fails)
      over everything: bad_ratio, late_ratio, duplicate_ratio, paused_actions, paused_actions_ratio

    Exit codes: 0 done, 1 a threshold failed, 2 usage or configuration, 3 a source can't be read or an OUT written,
    130 interrupted: then no OUT is there that was not there before.
    """  # noqa: D301 - \b is click's mark for a block that must not be wrapped
    asked = _asked(flags)
    result = _judged(asked, flags)
    _tell(result, flags)
    _write(result, asked.ruleset, flags)
    ctx.exit(FAILED if any(each.failed for each in result.checks) else 0)


def _asked(flags: dict[str, Any]) -> Asked:
    """Everything that can be wrong before a byte is read. Raises ConfigError with all problems."""
    problems = list[Problem]()

    @contextmanager
    def noting() -> Iterator[None]:
        try:
            yield
        except ConfigError as error:
            problems.extend(error.problems)

    labels, ruleset, sweeps = None, Ruleset(), list[sweep.Sweep]()
    over, under = checks.Bounds(), checks.Bounds()
    with noting():
        ruleset = policies.load(flags["policy_files"]).ruleset
    with noting():
        labels = incidents.load(flags["incidents"]) if flags["incidents"] else None
    with noting():
        adapters.build(flags["form"], options=flags["format_options"])
    with noting():
        sweeps = sweep.parse(flags["sweeps"])
    with noting():
        over = checks.parse("--fail-over", flags["fail_over"])
    with noting():
        under = checks.parse("--fail-under", flags["fail_under"])
    span_ms = _time("--from", flags["from_"], problems), _time("--to", flags["to"], problems)
    history = History(
        names=flags["events"], now_ms=int(time.time() * 1000), span_ms=span_ms, form=flags["form"],
        options=flags["format_options"], incidents=labels,
    )  # fmt: skip
    problems += _conflicts(history, flags)
    if problems:
        raise ConfigError(problems)
    return Asked(history, ruleset, sweeps, over, under)


def _conflicts(history: History, flags: dict[str, Any]) -> list[Problem]:
    found = []
    if (flags["suggest"] or flags["suggested"]) and not history.rewinds:
        message = "reads the events twice, which standard input and pipes can't be; name files"
        found.append(Problem("--suggest", 0, 0, message))
    from_ms, to_ms = history.span_ms
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        found.append(Problem("--to", 0, 0, "must be after --from"))
    ins = dict.fromkeys(history.names, "the events") | dict.fromkeys(flags["policy_files"], "the policies")
    ins |= {flags["incidents"]: "the incidents"} if flags["incidents"] else {}
    return found + conflicts({f"--{name}": flags[key] for name, key in OUTS.items() if flags[key]}, ins)


OUTS = {"transitions": "lines", "json": "as_json", "html": "html", "suggested": "suggested"}


def _time(flag: str, spelled: str | None, problems: list[Problem]) -> int | None:
    if spelled is None:
        return None
    try:
        return incidents.time_ms(spelled)
    except ValueError:
        problems.append(Problem(flag, 0, 0, f"is {spelled!r}, must be a time such as 2026-01-05T12:00:00Z"))
        return None


def _judged(asked: Asked, flags: dict[str, Any]) -> Result:
    suggests, size = flags["suggest"] or bool(flags["suggested"]), asked.history.size()
    with ExitStack() as stack:
        out = stack.enter_context(writing(flags["lines"])) if flags["lines"] else None
        progress = stack.enter_context(Progress(size))

        def hear(alert: Alert) -> None:
            if out is not None:
                transitions.write(out, alert)

        def tell(bad: BadLine) -> None:
            progress.clear()
            click.echo(clean(f"{bad.place}: {bad.reason}: {bad.detail}"), err=True)

        listeners = Listeners(hear=hear, tell=tell, advance=progress.advance, events=progress.events)
        rulesets = [asked.ruleset, *sweep.rulesets(asked.ruleset, asked.sweeps)]
        result, *others = run(asked.history, rulesets, listeners, plots=bool(flags["html"]), busiest=suggests)
    result = msgspec.structs.replace(result, curves=sweep.curves(asked.sweeps, others))
    if suggests:
        result = _with_suggestions(result, asked)
    return msgspec.structs.replace(result, checks=checks.check(result, asked.over, asked.under))


def _with_suggestions(result: Result, asked: Asked) -> Result:
    from detector.backtest.suggest import suggest  # noqa: PLC0415 - only when asked for

    def again(rulesets: Sequence[Ruleset]) -> list[Result]:
        with Progress(asked.history.size()) as progress:
            listeners = Listeners(advance=progress.advance, events=progress.events)
            return run(asked.history, rulesets, listeners)

    return msgspec.structs.replace(result, suggestions=suggest(result, asked.ruleset, again))


def _tell(result: Result, flags: dict[str, Any]) -> None:
    told = text.text(result)
    if flags["suggest"] or flags["suggested"]:
        from detector.backtest import suggest  # noqa: PLC0415 - only when asked for

        told += f"\nSuggestions\n{suggest.table(result.suggestions, labelled=result.scores.labelled)}"
    for line in told.splitlines():
        click.echo(clean(line, MAX_LINE_CHARS), err=STDOUT in (flags[key] for key in OUTS.values()))
    for each in result.checks:
        if each.failed:
            value = "unknown" if each.value is None else f"{each.value:.6g}"
            click.echo(f"failed: {each.name} is {value}, must not be {each.kind} {each.limit:.6g}", err=True)


def _write(result: Result, ruleset: Ruleset, flags: dict[str, Any]) -> None:
    """Write what was asked for; what can't be written keeps nothing else from it. Raises BrokenWorld."""
    problems = []
    for flag, render in (("suggested", _policies), ("html", _page), ("as_json", _document)):
        if flags[flag]:
            try:
                with writing(flags[flag]) as out:
                    out.write(render(result, ruleset))
            except OSError as error:
                problems.append(f"{flags[flag]} can't be written: {error.strerror}")
    if problems:
        raise BrokenWorld("; ".join(problems))


def _policies(result: Result, ruleset: Ruleset) -> bytes:
    from detector.backtest import suggest  # noqa: PLC0415 - only when asked for

    return suggest.render(ruleset, result.suggestions).encode()


def _page(result: Result, _: Ruleset) -> bytes:
    from detector.backtest import page  # noqa: PLC0415 - only when asked for

    return page.render(result).encode(errors="replace")


def _document(result: Result, _: Ruleset) -> bytes:
    return document.encode(result)


MAX_LINE_CHARS = 2000
