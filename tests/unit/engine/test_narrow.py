"""Which part of a policy is held for what the whole does."""

from __future__ import annotations

import pytest

from detector.engine.narrow import Part, narrowest
from detector.engine.policy_state import WHOLE

RULE, OTHER, KR, US = ("rule_version", "42@17"), ("rule_version", "7@1"), ("region", "KR"), ("region", "US")


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({RULE: Part(0.85, 1.5), OTHER: Part(0.15, 1.1)}, RULE),
        ({RULE: Part(0.6, 9.0), OTHER: Part(0.4, 1.2)}, RULE),
        ({RULE: Part(0.6, 3.0), OTHER: Part(0.4, 2.0)}, WHOLE),
        ({RULE: Part(0.5, 2.0), OTHER: Part(0.5, 2.0)}, WHOLE),
        ({KR: Part(0.9, 12.0), US: Part(0.1, 1.0)}, KR),
        ({US: Part(0.9, 1.6), KR: Part(0.1, 1.0)}, WHOLE),
        ({RULE: Part(1.0, 1.5), KR: Part(0.9, 12.0)}, KR),
        ({RULE: Part(0.9, 8.0), KR: Part(0.9, 12.0)}, RULE),
    ],
    ids=[
        "a version with nearly all of it",
        "a version with most of it that stands out",
        "a version with most of it that does not stand out",
        "two versions alike",
        "a region that stands out",
        "a region that is most of the policy anyway",
        "a region that stands out under the only version there is",
        "a version and a region that stand out alike",
    ],
)
def test_the_part_that_explains_a_policy_is_held_alone(parts, cause):
    assert narrowest({WHOLE: Part(1.0, 1.5), **parts}) == cause


def test_where_nothing_is_in_excess_the_whole_speaks():
    assert narrowest({WHOLE: Part(0.0, 1.0)}) == WHOLE
