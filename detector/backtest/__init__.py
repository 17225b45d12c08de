"""The backtest: the production fold over history, scored against incidents. Never imports the stream."""
