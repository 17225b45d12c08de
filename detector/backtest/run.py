"""A whole backtest: a history that may be read more than once, and policy files that are judged on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from detector.backtest import report, topic
from detector.backtest.census import Census
from detector.backtest.part import Book
from detector.backtest.peaks import Peaks
from detector.backtest.read import Reader
from detector.backtest.replay import replay
from detector.backtest.result import BadLine, Result
from detector.backtest.score import Incident
from detector.backtest.sources import STDIN, Advance, Source, named, rewinds
from detector.backtest.traces import Traces
from detector.backtest.watch import Watch, on_event_time
from detector.errors import ConfigError, Problem
from detector.events import Alert, AnyEvent
from detector.policy import Ruleset
from detector.wire import adapters


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Where the events are and how they are read. `now_ms`: as of when events lie in the future.

    `incidents`: None where nobody labelled any. `span_ms`: event times [from, to), None is open.
    """

    names: tuple[str, ...]
    now_ms: int
    span_ms: tuple[int | None, int | None] = (None, None)
    form: str = "native"
    options: str | None = None
    incidents: Sequence[Incident] | None = None
    connect: topic.Connect = topic.connect

    @property
    def rewinds(self) -> bool:
        """Whether it can be read a second time."""
        return all(map(rewinds, self.names))

    def size(self) -> int | None:
        """Bytes to read, None where nobody knows."""
        if any(name == STDIN or topic.is_topic(name) for name in self.names):
            return None
        return sum(getattr(each, "size", 0) for each in named(self.names))

    @contextmanager
    def sources(self) -> Iterator[list[Source]]:
        """All sources, ready to read. Raises ConfigError and BrokenWorld."""
        topics = [topic.Topic(name, *self.span_ms, self.connect) for name in self.names if topic.is_topic(name)]
        found: list[Source] = [*named([name for name in self.names if not topic.is_topic(name)])]
        try:
            for each in topics:
                found += each.sources()
            yield found
        finally:
            for each in topics:
                each.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who is told while a history passes: of the first policy file's alerts, of bad lines, of events and bytes read."""

    hear: Callable[[Alert], None] | None = None
    tell: Callable[[BadLine], None] | None = None
    advance: Advance | None = None
    events: Callable[[int], None] | None = None


NOBODY = Listeners()


def run(
    history: History,
    rulesets: Sequence[Ruleset],
    listeners: Listeners = NOBODY,
    *,
    plots: bool = False,
    busiest: bool = False,
) -> list[Result]:
    """Read a history once and judge it by each ruleset, side by side; one result a ruleset, in their order.

    Args:
        history: what to read.
        rulesets: at least one; they share the `stream` settings of the first.
        listeners: who is told meanwhile.
        plots: whether the first result has plots.
        busiest: whether policies' busiest windows are kept, for suggestions.

    Raises:
        ConfigError: when a source can't be read, holds almost nothing usable, or no event is left.
        BrokenWorld: when a source is damaged, or the broker can't be reached.
    """
    book, incidents = Book(), list(history.incidents or ())
    stream = on_event_time(rulesets[0]).stream
    census = Census(book, incidents, int(stream.bucket_s * 1000))
    traces = Traces(book, incidents) if plots else None
    peaks = Peaks(book, incidents) if busiest else None
    watches = [
        Watch(each, book, incidents, listeners.hear if i == 0 else None, traces if i == 0 else None)
        for i, each in enumerate(rulesets)
    ]
    with history.sources() as sources:
        reader = Reader(
            sources,
            lambda: adapters.build(history.form, options=history.options),
            history.now_ms,
            history.span_ms,
            listeners.tell,
            listeners.advance,
        )
        replay(_counted(reader, listeners), stream, book, [census, *([peaks] if peaks else [])], watches, traces)
    quality = reader.quality()
    if not quality.events:
        raise ConfigError(
            [Problem(", ".join(history.names), 0, 0, _nothing(quality.read, quality.outside, quality.bad))]
        )
    noted = report.Noted(history.names, quality, census, incidents, history.incidents is not None, peaks)
    drawn = traces.plots() if traces else []
    return [report.result(noted, watch, drawn if i == 0 else ()) for i, watch in enumerate(watches)]


def _counted(reader: Reader, listeners: Listeners) -> Iterator[list[AnyEvent]]:
    for batch in reader.batches():
        yield batch
        if listeners.events is not None:
            listeners.events(len(batch))


def _nothing(read: int, outside: int, bad: int) -> str:
    return (
        f"no event to judge: {read} records, {bad} of them bad, {outside} outside --from and --to; name other files, "
        "or their --format"
    )
