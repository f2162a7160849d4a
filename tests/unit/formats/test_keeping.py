"""docs/formats.md says what the formats keep, as measured."""

from pathlib import Path

import pytest

from samui import formats
from samui.formats import keeping

DOC = Path(__file__).resolve().parents[3] / "docs" / "formats.md"


def cells(name: str) -> list[str]:
    row = next(line for line in DOC.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` "))
    return [cell.strip() for cell in row.split("|")[1:-1]]


def test_the_page_is_the_one_that_the_command_makes():
    assert keeping.page(lambda format: cells(format.name)[9]) == DOC.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def samples():
    return list(keeping.samples())


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in formats.FORMATS.values() if one.reader is not None])
def test_two_thousand_random_masks_come_back_as_the_page_says(name, samples):
    format = formats.get(name)
    assert sum(len(one.objects) for one in samples) == 2000
    told = keeping.measured(format, samples)
    assert told == cells(name)[9]
    exact = format.keeps.holes and format.keeps.islands and format.keeps.overlap
    assert (told == "1") == (exact or not format.keeps.apart)
