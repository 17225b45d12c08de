"""Tests. A package, so that `tests.rig` is this one whatever else is installed."""
