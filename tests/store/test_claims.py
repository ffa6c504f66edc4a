"""Claims: one owner at a time, taken over from the dead alone, without comparing clocks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.store.processes import ROOT, row
from ttclib.store import absorb, claims, write_part
from ttclib.store.claims import Claims
from ttclib.store.schema import parts_directory

CLAIM = """
import sys, time
from ttclib.store.claims import Claims
claims = Claims(sys.argv[1])
print([claims.take(unit) for unit in sys.argv[2:]], flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.duckdb"


@pytest.fixture
def claimant(path: Path):
    """Another process that has claimed units."""
    started = []

    def begin(*units: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", CLAIM, str(path), *units]
        one = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(one)
        assert one.stdout.readline() == f"{[True] * len(units)}\n"
        return one

    yield begin
    for one in started:
        one.kill()
        one.wait()
        one.stdout.close()


def test_a_unit_has_one_owner_and_nothing_is_left(path: Path) -> None:
    with Claims(path) as ours, Claims(path) as theirs:
        assert ours.take("a") and ours.take("a") and not theirs.take("a") and theirs.take("b")
        assert theirs.owners(["a"]) == [f"process {os.getpid()} on {os.uname().nodename}"]
        write_part(path, "samples", [row(0)])
        assert absorb(path) == 1  # beside claims, which stay
        ours.release("a")
        assert theirs.take("a") and not ours.take("a")
    assert not parts_directory(path).exists()


def test_a_killed_owner_is_followed_at_once_by_one_of_many(path: Path, claimant) -> None:
    units = [f"u{number}" for number in range(20)]
    victim = claimant(*units)
    contenders = [Claims(path) for _ in range(4)]
    assert not any(one.take(unit) for one in contenders for unit in units)
    victim.kill()
    victim.wait()
    taken: list[list[str]] = [[] for _ in contenders]
    barrier = threading.Barrier(len(contenders))

    def contend(number: int) -> None:
        barrier.wait()
        for unit in units:
            if contenders[number].take(unit):
                taken[number].append(unit)

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(len(contenders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(unit for own in taken for unit in own) == sorted(units)
    for one in contenders:
        one.close()
    assert not parts_directory(path).exists()


def test_of_another_machine_the_lease_tells_by_our_clock(path: Path, claimant, monkeypatch) -> None:
    victim = claimant("a")
    monkeypatch.setattr(claims, "_boot", lambda: "another machine's")
    monkeypatch.setattr(claims, "LEASE_S", 0.5)
    victim.kill()
    victim.wait()
    (lease,) = parts_directory(path).glob("*.lease")
    with Claims(path) as ours:
        for clock in (0, 2**33):  # its clock is years behind, or ahead
            os.utime(lease, (clock, clock))
            assert not ours.take("a")  # seen for the first time just now
        time.sleep(0.6)
        assert ours.take("a")
    assert not parts_directory(path).exists()


def test_a_lease_that_is_renewed_holds(path: Path, claimant, monkeypatch) -> None:
    monkeypatch.setattr(claims, "_boot", lambda: "another machine's")
    monkeypatch.setattr(claims, "LEASE_S", 0.4)
    claimant("a")
    (lease,) = parts_directory(path).glob("*.lease")
    with Claims(path) as ours:
        for beat in range(6):
            lease.write_bytes(lease.read_bytes().replace(b'"beat": "', b'"beat": "%d' % beat))
            assert not ours.take("a")
            time.sleep(0.15)


def test_a_claim_whose_writer_died_before_its_name_is_taken_after_a_lease(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(claims, "LEASE_S", 0.3)
    with Claims(path) as ours:
        ours.take("other")
        ours._file(claims._digest("a"), 0).touch()
        assert not ours.take("a")
        time.sleep(0.4)
        assert ours.take("a")
    assert not parts_directory(path).exists()
