"""What a store's rows came to when they were written, so that a change from outside is seen later.

DuckDB has a checksum a block, which finds a damaged disk. These find what no block can tell: rows that something else
changed, added or took away. They are kept in the transaction that writes the rows, by policy, problem and setting,
and cost a hash a row. DuckDB does not promise its hash: a row says how it hashed, and where it has changed since, the
next write takes the sums anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from ttclib.store.tables import TABLES, columns_of

PLACE = ("policy", "problem_id", "setting")
# One value of each type that a column has.
_PROBE = """SELECT hash('text', NULL::VARCHAR, 1::INTEGER, 2::BIGINT, .5::DOUBLE, true, 'bytes'::BLOB,
                        [1, 2]::INTEGER[], [.5, .25]::DOUBLE[], ['a', 'b'], TIMESTAMP '2026-01-01 12:00:00')"""


def place_of(table: str) -> tuple[str, ...]:
    """By what the rows of a table are summed: policy, problem and setting where it has them."""
    return PLACE if set(PLACE) <= dict(columns_of(table)).keys() else ()


def sums(table: str, rows: str, sign: int = 1) -> str:
    """SQL of the sums over some rows of a table, one row a place."""
    place = place_of(table)
    named = ", ".join(name if place else f"NULL::VARCHAR AS {name}" for name in PLACE)
    columns = ", ".join(name for name, _ in columns_of(table))
    return f"""
        SELECT '{table}' AS table_name, {named}, {sign} * count(*) AS n_rows, bit_xor(hash({columns})) AS hash
        FROM ({rows}) {f"GROUP BY {', '.join(place)}" if place else "HAVING count(*) > 0"}"""


def note(
    con: duckdb.DuckDBPyConnection, table: str, rows: str, values: Sequence[object] = (), *, gone: bool = False
) -> None:
    """Note rows that are written to the file attached as ``store``, or that are about to go: SQL, and its values."""
    con.execute(f"INSERT INTO store.main.checksums BY NAME {sums(table, rows, -1 if gone else 1)}", list(values))


def last_row(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Row id of the last row of a table of the file; what is inserted later has a larger one."""
    return int(con.execute(f"SELECT coalesce(max(rowid), -1) FROM store.main.{table}").fetchall()[0][0])


def comparable(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the file has sums, by the hash of this DuckDB."""
    known = con.execute(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE database_name = 'store' AND schema_name = 'main' AND table_name = 'checksums'"
    )
    if not known.fetchall()[0][0]:
        return False
    return con.execute("SELECT hash FROM store.main.checksums WHERE table_name IS NULL").fetchall() == _probe(con)


def take_anew(con: duckdb.DuckDBPyConnection) -> None:
    """Sum all rows of the file, in the place of what was known."""
    con.execute("DELETE FROM store.main.checksums")
    con.execute("INSERT INTO store.main.checksums (n_rows, hash) VALUES (0, ?)", [_probe(con)[0][0]])
    for table in TABLES:
        note(con, table, f"SELECT * FROM store.main.{table}")


def changed(con: duckdb.DuckDBPyConnection, table: str) -> Iterator[tuple[tuple[str | None, ...], int, int]]:
    """Places of a table whose rows are not those that were written: the place, rows written, rows found.

    Reads every column of every row.
    """
    query = f"""
        WITH written AS (
            SELECT {", ".join(PLACE)}, sum(n_rows)::BIGINT AS n_rows, bit_xor(hash) AS hash FROM store.main.checksums
            WHERE table_name = '{table}' GROUP BY ALL
        ), found AS ({sums(table, f"SELECT * FROM store.main.{table}")})
        SELECT {", ".join(f"coalesce(written.{name}, found.{name}) AS {name}" for name in PLACE)},
               coalesce(written.n_rows, 0), coalesce(found.n_rows, 0)
        FROM written FULL JOIN found ON {" AND ".join(f"written.{n} IS NOT DISTINCT FROM found.{n}" for n in PLACE)}
        WHERE (coalesce(written.n_rows, 0), coalesce(written.hash, 0)) IS DISTINCT FROM
              (coalesce(found.n_rows, 0), coalesce(found.hash, 0))
        ORDER BY ALL"""
    for row in con.execute(query).fetchall():
        yield row[:3], row[3], row[4]


def _probe(con: duckdb.DuckDBPyConnection) -> list[tuple[int]]:
    return con.execute(_PROBE).fetchall()
