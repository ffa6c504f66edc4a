"""Pictures, one module a subject; each is drawn from a table that `ttclib.analysis` made."""

from ttclib.show.captions import AGGREGATION_LABELS, caption
from ttclib.show.charts.accuracy import accuracy_chart, accuracy_domain, bins_chart, signals
from ttclib.show.charts.compare import differences_chart, sides_chart
from ttclib.show.charts.difficulty import agreement_chart, cheap_chart, confusion_chart, difficulty_histogram
from ttclib.show.charts.save import save_chart

__all__ = [
    "AGGREGATION_LABELS",
    "accuracy_chart",
    "accuracy_domain",
    "agreement_chart",
    "bins_chart",
    "caption",
    "cheap_chart",
    "confusion_chart",
    "differences_chart",
    "difficulty_histogram",
    "save_chart",
    "sides_chart",
    "signals",
]
