"""A streaming enforcement-anomaly detector: the circuit breaker of moderation automation."""

__version__ = "0.1.0"
