"""The backtest: the production fold over history, scored against incidents. Never imports the stream.

`read` opens sources as nearly ordered batches of events, `replay` feeds folds with them, `watch` and `pauses` note what
is needed, `score` judges it, and a `result.Result` holds all of it. Two modules take it from there and are imported
when they are asked for: `page.render(result: Result) -> str`, and
`suggest.suggest(result: Result, ruleset: Ruleset, run: Callable[[Sequence[Ruleset]], list[Result]])
-> tuple[Suggestion, ...]`, where `run` reads the history once more and judges it by each ruleset, side by side.
"""
