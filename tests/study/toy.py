"""A package of somebody else's, as files: a strategy, a verifier, an import reader, a result column."""

from __future__ import annotations

from pathlib import Path

MODULE = '''
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import polars as pl

from ttclib.analysis.columns import Column
from ttclib.interchange.columns import batch_of_records
from ttclib.interchange.readers.registry import Reader
from ttclib.replay.estimate import Estimate
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import parameter
from ttclib.samples import AGGREGATIONS, Verifier


@dataclass(frozen=True)
class Blend(WholeSamples):
    """Right as one sample is, moved towards 1 by a part."""

    part: float = parameter(0.5, help="Towards certainty, 0 to 1.", several=True)
    name: ClassVar[str] = "toy_blend"
    label: ClassVar[str] = "toy blend"
    summary: ClassVar[str] = "answers better than one sample by a part"

    def expected(self, pool, scores, budgets, seed):
        ease = np.nanmean(pool.correct, axis=1)[:, None]
        table = np.repeat(ease + self.part * (1 - ease), len(budgets), axis=1)
        return Estimate(table, np.zeros_like(table), np.zeros_like(table))


def lengths(pool):
    """A sample's length as its score."""
    score = np.where(pool.present, pool.completion_tokens, np.nan)
    return Verifier("toy-length", "confidence", dict.fromkeys(AGGREGATIONS, score), np.zeros(score.shape))


def read(source, notes):
    with source.open() as file:
        lines = file.read().decode().split()
    rows = [
        {"problem_id": name, "policy": "toy", "sample_index": index, "correct": mark == "+"}
        for line in lines[1:]
        for name, marks in [line.split("=")]
        for index, mark in enumerate(marks)
    ]
    yield batch_of_records(rows, list(range(1, len(rows) + 1)), f"'{source.path}' sample")


def recognises(source):
    with source.open() as file:
        return file.read(5) == b"TOY01"


READER = Reader("toy", "marks of + and -, a line a problem", recognises, read)
COLUMN = Column("toy_share", pl.Float64, "a share that only the toy knows", "share", "toy's share")
'''
ENTRY_POINTS = """
[ttclib.strategies]
toy_blend = toy_ttc:Blend
[ttclib.verifiers]
toy_length = toy_ttc:lengths
[ttclib.readers]
toy = toy_ttc:READER
[ttclib.columns]
toy_share = toy_ttc:COLUMN
"""


def install(folder: Path) -> Path:
    """Lay the package into a folder as an installer would."""
    about = folder / "toy_ttc-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "toy_ttc.py").write_text(MODULE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-ttc\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder
