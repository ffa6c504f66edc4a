"""The schema in words: complete, and up to date."""

from __future__ import annotations

from pathlib import Path

from ttclib.store.readme import store_readme
from ttclib.store.schema import SCHEMA_VERSION, is_collected
from ttclib.store.tables import TABLES, columns_of

README = Path(__file__).resolve().parents[2] / "store" / "README.md"


def test_the_written_readme_is_up_to_date():
    demo = README.with_name("demo.duckdb")
    assert README.read_text(encoding="utf-8") == store_readme(demo if is_collected(demo) else None), (
        "run: python -m ttclib.store.readme"
    )


def test_every_column_of_every_table_is_in_it_in_order():
    text = store_readme()
    assert f"schema version {SCHEMA_VERSION}" in text
    assert [line[4:] for line in text.splitlines() if line.startswith("### ")] == [*TABLES, "checksums"]
    for table in (*TABLES, "checksums"):
        section = text.split(f"### {table}\n")[1].split("### ")[0]
        rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        assert [row[0].strip("| `") for row in rows] == [name for name, _ in columns_of(table)]
        assert [row[1].removesuffix(" NOT NULL") for row in rows] == [kind for _, kind in columns_of(table)]
