"""The score of labelled incidents, held to figures of the same peers that were taken by other code."""

from __future__ import annotations

import pytest

from tests.bench import wikipedia_data as data

pytestmark = pytest.mark.bench

REFERENCE = {
    "EmergencyDisable 5.0%": ["4/10", "976", "0.081"],
    "EmergencyDisable 2.0%": ["5/10", "1,249", "0.306"],
    "EmergencyDisable 1.0%": ["8/10", "1,393", "0.798"],
    "EmergencyDisable 0.5%": ["9/10", "1,452", "2.063"],
    "trailing 7 d mean + z sd, z > 10": ["5/10", "525", "22.162"],
    "trailing 7 d mean + z sd, z > 20": ["3/10", "175", "1.023"],
    "EARS C2, z > 10": ["5/10", "329", "52.261"],
}


def test_peers_reproduce_their_reference_figures():
    pytest.importorskip("river", reason="needs the bench extra")
    from tests.bench import wikipedia_all  # noqa: PLC0415
    from tests.bench.peers.listed import PEERS  # noqa: PLC0415

    folder = data.folder()
    if folder is None:
        pytest.skip(data.ABSENT)
    what = wikipedia_all.bench(folder, (2009, 2012), None, hidden=False)
    found = {
        each.name: [cells[0], cells[4], cells[5]]
        for each in PEERS
        if each.name in REFERENCE
        for cells in [what.peer(*each).score.cells()]
    }
    assert found == REFERENCE
