"""The engine: the single seam between numbers in columns and breakers in objects."""

from detector.engine.core import Engine
from detector.engine.transition import Added, Batch, Transition

__all__ = ["Added", "Batch", "Engine", "Transition"]
