"""The tests of a policy file, run through the production fold: counts per minute in, what is wrong out."""

from detector.simulate.simulator import Simulator

__all__ = ["Simulator"]
