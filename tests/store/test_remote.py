"""Folders of parts at an address: the same answers as from the file, and nothing but the parts is reached."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

pytest.importorskip("upath")
pytest.importorskip("aiohttp")

import fsspec

import ttclib
from tests.builders import build_store
from tests.crashes import content
from ttclib.cli import cli
from ttclib.errors import RequestError, TTCError
from ttclib.soundness import verify_store
from ttclib.store import connect, is_collected, write_part
from ttclib.store.copying import backup_as_parts, backup_store
from ttclib.store.fingerprint import fingerprint
from ttclib.store.status import store_status


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Sends the bytes that are asked for, as object stores do."""

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not file.is_file() or wanted is None:
            super().do_GET()
            return
        raw = file.read_bytes()
        first, last = int(wanted[1]), min(int(wanted[2] or len(raw)), len(raw) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(raw)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(raw[first : last + 1])

    def log_message(self, *what: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the folder."""
    handler = functools.partial(Ranges, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[str]:
    """The parts of a store in fsspec's own memory."""
    backup_as_parts(build_store(tmp_path / "own.duckdb"), tmp_path / "own")
    fs = fsspec.filesystem("memory")
    for part in (tmp_path / "own").iterdir():
        fs.pipe(f"/bucket/run/{part.name}", part.read_bytes())
    yield "memory://bucket/run"
    fs.rm("/bucket", recursive=True)


def test_a_folder_on_a_server_answers_as_the_file_does(tmp_path: Path, served: str) -> None:
    store = build_store(tmp_path / "s.duckdb")
    assert backup_as_parts(store, tmp_path / "s") == {table: len(rows) for table, rows in content(store).items()}
    address = f"{served}/s"
    assert content(address) == content(tmp_path / "s") == content(store)
    here, there = store_status(store), store_status(address)
    assert there["policies"] == here["policies"] and there["bytes"] == sum(
        p.stat().st_size for p in (tmp_path / "s").iterdir()
    )
    asked = {"strategies": ["best_of_n", "majority_vote"], "budgets": [1, 2]}
    answers = [ttclib.open(where).replay(**asked).frame for where in (address, store)]
    assert answers[0].equals(answers[1])
    assert fingerprint(address) == fingerprint(tmp_path / "s")
    for spelled in (address, address.replace("//", "/", 1)):  # as a path of the command line comes to it
        told = CliRunner().invoke(cli, ["status", spelled, "--json"])
        assert told.exit_code == 0 and '"n_samples"' in told.output
    assert verify_store(address).is_sound


def test_the_folder_is_listed_once_each_time_it_is_opened(
    tmp_path: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup_as_parts(build_store(tmp_path / "s.duckdb"), tmp_path / "s")
    listed: list[str] = []
    plain = Ranges.list_directory

    def counted(handler: Ranges, path: str) -> object:
        listed.append(path)
        return plain(handler, path)

    monkeypatch.setattr(Ranges, "list_directory", counted)
    with connect(f"{served}/s"):
        assert len(listed) == 1
    write_part(tmp_path / "more.duckdb", "problems", [{"problem_id": "new", "benchmark": "b", "prompt": "?"}])
    (part,) = (tmp_path / "more.duckdb.parts").iterdir()
    part.rename(tmp_path / "s" / part.name)
    with connect(f"{served}/s") as con:
        assert con.execute("SELECT count(*) FROM problems WHERE problem_id = 'new'").fetchone() == (1,)
    assert len(listed) == 2


def test_only_the_parts_are_reached(tmp_path: Path, in_memory: str) -> None:
    fsspec.filesystem("memory").pipe("/bucket/secret.parquet", b"PAR1")
    with connect(in_memory) as con:
        parts = sorted(fsspec.filesystem("memory").ls("/bucket/run", detail=False))
        assert con.execute(f"SELECT count(*) FROM read_parquet('memory://{parts[0]}')").fetchone()
        for other in ("memory:///bucket/secret.parquet", "memory:///bucket/run/*", str(tmp_path / "own.duckdb")):
            with pytest.raises(duckdb.Error, match="disabled by configuration|no files"):
                con.execute(f"SELECT * FROM read_parquet('{other}')")
        with pytest.raises(duckdb.Error, match="locked"):
            con.execute("SET enable_external_access = true")


def test_new_parts_are_seen_and_a_bad_one_is_named(tmp_path: Path, in_memory: str) -> None:
    fs = fsspec.filesystem("memory")
    before = store_status(in_memory)["policies"][0]["n_samples"]
    write_part(tmp_path / "more.duckdb", "problems", [{"problem_id": "new", "benchmark": "b", "prompt": "?"}])
    (part,) = (tmp_path / "more.duckdb.parts").iterdir()
    fs.pipe(f"/bucket/run/{part.name}", part.read_bytes())
    with connect(in_memory) as con:
        assert con.execute("SELECT count(*) FROM problems WHERE problem_id = 'new'").fetchone() == (1,)
    assert store_status(in_memory)["policies"][0]["n_samples"] == before
    fs.pipe(f"/bucket/run/{part.name}", part.read_bytes()[:-4] + b"PAR1")
    assert verify_store(in_memory).is_sound
    raw = bytearray(part.read_bytes())
    raw[5] ^= 1
    fs.pipe(f"/bucket/run/{part.name}", bytes(raw))
    assert any("bytes are not those" in found.what for found in verify_store(in_memory).findings)
    fs.pipe("/bucket/run/9-samples-cut.parquet", part.read_bytes()[:100])
    with pytest.raises(TTCError, match=r"part 'memory:.*9-samples-cut.parquet' cannot be read"), connect(in_memory):
        pass


def test_it_is_read_only_and_bad_addresses_are_a_line(tmp_path: Path, in_memory: str, served: str) -> None:
    assert is_collected(in_memory)
    with pytest.raises(RequestError, match="folder of parts, which is read as it lies"):
        write_part(in_memory, "problems", [{"problem_id": "new", "benchmark": "b", "prompt": "?"}])
    backup_store(in_memory, tmp_path / "copy.duckdb")
    assert content(tmp_path / "copy.duckdb") == content(tmp_path / "own.duckdb")
    (tmp_path / "empty").mkdir()
    for address, said in (
        ("memory://bucket/no", "is no folder of parts"),
        (f"{served}/no", "is no folder of parts"),
        (served, "is no folder of parts"),
        (f"{served}/empty", "is no folder of parts"),
        ("nosuch://bucket/run", "cannot read 'nosuch://bucket/run'"),
        ("http://127.0.0.1:9/run", "127.0.0.1:9/run'"),
    ):
        with pytest.raises(RequestError, match=said) as told, connect(address):
            pass
        assert "\n" not in str(told.value) and len(str(told.value)) < 400
    told = CliRunner().invoke(cli, ["grade", in_memory])
    assert told.exit_code != 0
