"""Any bytes at all: a ruleset or problems with a place, never another exception."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from detector.config.policies import resolve
from detector.config.policy_file import KINDS, SECTIONS
from detector.config.setting_types import FIELDS, variable
from detector.config.settings import load
from detector.errors import ConfigError

KEYS = sorted(
    {*SECTIONS, "<<", "foo", "minutes", "count", "max", "per", "cooldown"}
    | {each.encode_name for name in ("stream", "defaults", "unknown_policies") for each in KINDS[name].fields}
    | {each.encode_name for name in ("policies", "tests") for each in KINDS[name].item_type.fields}
)
WORDS = st.sampled_from(
    ["", "~", "1", "-1", "5m", "1e999", "enforce", "region", "0-5", "9-1", "OPEN", "2026-01-05T12:00:00Z", '"\\0"']
)
FLOW = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=4).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        ),
    ),
    max_leaves=20,
)
FILES = st.lists(st.tuples(st.sampled_from(list(SECTIONS)), FLOW), max_size=5).map(
    lambda pairs: "\n".join(f"{key}: {value}" for key, value in pairs)
)


def problems_of(read):
    """What is wrong, or nothing; any exception but ConfigError fails the test."""
    try:
        read()
    except ConfigError as error:
        return error.problems or ["an error without a problem"]
    return []


def judged(raw):
    problems = problems_of(lambda: resolve([("p.yaml", raw)]))

    assert all(each.line >= 1 and each.column >= 1 and each.message for each in problems)
    assert problems == sorted(problems, key=lambda each: (each.line, each.column))


@given(st.binary())
def test_any_bytes_are_judged(raw):
    judged(raw)


@given(st.text())
@example('a: "\\UFFFFFFFF"')
@example('"\\ud800": 1')
@example("%YAML 9.9\n---\na")
@example("? {a: b}\n: 1")
@example("[" * 5000)
@example("a: &a {<<: *a}")
@example("policies: [{<<: [{id: a}, {id: b}]}]")
def test_any_text_is_judged(text):
    judged(text.encode("utf-8", "surrogatepass"))


@given(FILES)
def test_anything_that_looks_like_a_policy_file_is_judged(text):
    judged(text.encode())


@given(st.dictionaries(st.sampled_from([variable(name) for name in FIELDS]), st.text(max_size=20), max_size=8))
def test_any_environment_is_judged(env):
    assert all(each.file.startswith("DETECTOR_") for each in problems_of(lambda: load(env, {})))
