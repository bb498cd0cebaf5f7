"""Own factor rows that are wrong: each refused with its line, and in words that tell what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import CatalogueError
from schemas.factor import KINDS, judged

HEAD = "factor_id,kind,subject,gas,value,unit,region,parameter_set,gwp_set,valid_from,valid_to,source"
GRID = "grid_location_avg,electricity,CO2"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,grid_location_avg,power,CO2,0.5,kgCO2/kWh,CN,,,,,book", "the subject of a grid factor is electricity"),
        (
            f"a,{GRID},0.5,kgCO2/kWh,China,,,,,book",
            "region: not a number, day or region in the form of 1234.5, 2026-01-31, CN-GD",
        ),
        (f"a,{GRID},0.5,kgCO2/kWh,cn,,,,,book", "region: not a number, day or region in the form"),
        (f"a,{GRID},0.5,kgCO2/kWh,CN-31,,,,,book", "no province or grid of China has that code"),
        (f"a,{GRID},0.5,kgCO2/kWh,CN,,,2026-13-01,,book", "there is no such day"),
        (f"a,{GRID},0.5,kgCO2/kWh,CN,,,2026-02-30,,book", "there is no such day"),
        (f"a,{GRID},0.5,kgCO2/kWh,CN,,,2026-06-30,2026-01-01,book", "valid_to lies before valid_from"),
        (f"a,{GRID},530.6,kgCO2/kWh,CN,,,,,book", "(0 to 2 kgCO2/kWh)"),
        (f"a,{GRID},0.5,kgCO2/km,CN,,,,,book", "(write it as / 应为 kgCO2/kWh)"),
        (f"a,{GRID},0.5,kgCO2/kWh,CN,,,,,", "source: missing"),
        ("a,gwp100,R454B,,466,kgCO2e/kg,GLOBAL,,,,,book", "a GWP must say its gwp_set"),
        ("a,gwp100,R454B,,466,kgCO2e/kg,GLOBAL,ar4,AR5,,,book", "two sets of GWP"),
        (
            'a,gwp100,R454B,,"1,466",kgCO2e/kg,GLOBAL,,AR5,,,book',
            "value: not a number, day or region in the form of 1234.5",
        ),
        ("a,fuel_oxidation,diesel,,0.98,%,CN,,,,,book", "(50 to 100 %)"),
        ("a,fuel_oxidation,diesel,,98%,%,CN,,,,,book", "value: not a number, day or region in the form of 1234.5"),
        ("a,fuel_ncv,diesel,,-42,GJ/t,CN,,,,,book", "(0.01 to 150 GJ/t)"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, row: str, words: str) -> None:
    path = tmp_path / "emission_factor.csv"
    path.write_text(f"{HEAD}\nok,{GRID},0.4,kgCO2/kWh,CN-SH,,,,,book\n{row}\n", encoding="utf-8")
    with pytest.raises(CatalogueError) as failure:
        judged(path)
    assert "line 3 (a)" in str(failure.value)
    assert words in str(failure.value)


def test_a_word_nobody_knows_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "emission_factor.csv"
    rows = ["a,grid_location,electricity,CO2,0.5,kgCO2/kWh,CN,,,,,book", f"b,{GRID},0.5,kgCO2/kWh,US,,AR7,,,book"]
    path.write_text("\n".join([HEAD, *rows, rows[0].replace("a,", "c,", 1)]) + "\n", encoding="utf-8")
    with pytest.raises(CatalogueError) as failure:
        judged(path)
    assert "line 2 (a): kind: not one of those allowed" in failure.value.what
    assert f"kind is one of / 可取: {', '.join(KINDS)}" in failure.value.todo
    assert "gwp_set is one of / 可取: SAR, AR4, AR5, AR6, unknown" in failure.value.todo
    assert failure.value.todo.count("grid_location_avg") == 1


@pytest.mark.parametrize("unit", ["tCO2/MWh", "kgCO2/kWh", "tCO2/万kWh"])
def test_one_thing_is_said_once_whatever_its_unit(tmp_path: Path, unit: str) -> None:
    path = tmp_path / "emission_factor.csv"
    path.write_text(f"{HEAD}\na,{GRID},0.5,kgCO2/kWh,CN,,,,,book\nb,{GRID},0.6,{unit},CN,,,,,book\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"line 3 \(b\).*another row says the same for the same time"):
        judged(path)


def test_a_fraction_and_a_percentage_are_the_same_oxidation(tmp_path: Path) -> None:
    path = tmp_path / "emission_factor.csv"
    path.write_text(f"{HEAD}\na,fuel_oxidation,diesel,,0.98,1,CN,,,,,book\n", encoding="utf-8")
    assert judged(path)["factor_id"].to_list() == ["a"]
