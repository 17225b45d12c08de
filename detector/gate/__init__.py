"""The client library of enforcement services: may this automated action run?

    with Gate("kafka:9092") as gate:
        gate.wait_ready(timeout_s=10)
        decision = gate.decide(policy_id="spam", action_type="suspend", rule_id="42", rule_version="17",
                               region="EU", subject_id=account, reversible=True)
        if decision.allow: ...

It answers from memory, in microseconds, whether or not the broker can be reached.
"""

from detector.gate.client import Gate, GateStats
from detector.gate.rules import Decision, Reason, Rules

__all__ = ["Decision", "Gate", "GateStats", "Reason", "Rules"]
