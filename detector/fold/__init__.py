"""The fold: state and alerts as a pure function of the log."""

from detector.fold.core import Fold, LogRecord, Outcome
from detector.fold.snapshot import Snapshot

__all__ = ["Fold", "LogRecord", "Outcome", "Snapshot"]
