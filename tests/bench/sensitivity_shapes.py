"""Each default of what is known of people and aftermath halved and doubled: what changes in the shapes of incidents.

One default is moved at a time; policies learn and are judged under it. Shapes of policies of three a day to two hundred
an hour, without rule versions and deploys, where these defaults matter most.

`python -m tests.bench.sensitivity_shapes [--seeds 6] [--only WORD]`
"""

from __future__ import annotations

import argparse
import time
from typing import Final

from detector.engine import channel_learning
from detector.stats import baseline, shares
from tests.bench import shapes
from tests.bench.harness import table
from tests.bench.sensitivity import LEARNING, WHOLE_WEIGHT, Default, compared, fade, moved

VARIANT: Final = shapes.Variant(versions=False, twice=False, late=False)
SHAPES: Final = ("3", "4", "5a", "5b", "7", "10", "11", "12", "15", "15b", "17")
DEFAULTS: Final = (
    Default("trials from which a share is known", "KNOWN_TRIALS", shares),
    Default("caution about what is known", "CAUTION", shares),
    Default("least share", "LEAST", shares),
    Default("least rate of re-bans", "LEAST_RATE", shares),
    Default("shares, memory", "MEMORY_H", shares, fade("FADE")),
    Default("evidence of shares, memory", "FORGET_H", shares),
    Default("variance that stands for the cautious prior", "PHI_PRIOR_DUE", shares),
    Default("dispersion of a small scope's mix", "MIX_PHI", channel_learning),
    Default("hours after which days are learned", "GROWN_H", channel_learning),
    *LEARNING,
    WHOLE_WEIGHT,
    Default("least rate of volume", "WARNED_PER_H", baseline),
)


def row(what: str, seeds: int) -> list[str]:
    """Of each shape: seeds in which all went as it must."""
    chosen = [shape for shape in shapes.SHAPES if shape.name.split()[0] in SHAPES]
    past = shapes.train(dict.fromkeys(shape.world._replace(versions=False) for shape in chosen))
    lines = [shapes.Line(shape, VARIANT, shapes.run(shape, VARIANT, seeds, past)) for shape in chosen]
    return [what, *(f"{line.good * seeds:.0f}" for line in lines)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--only", default="", help="a word of the default's name")
    asked, began_s = parser.parse_args(), time.monotonic()

    def moved_row(what: str, default: Default, value: float) -> list[str]:
        with moved(default, value):
            return row(what, asked.seeds)

    rows = compared(DEFAULTS, asked.only, moved_row)
    print("\n" + table([[f"of {asked.seeds}", *SHAPES], *rows]))
    print(f"{time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
