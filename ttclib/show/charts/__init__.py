"""Pictures, one module a subject; each is drawn from a table that `ttclib.analysis` made."""

from ttclib.show.captions import AGGREGATION_LABELS, caption
from ttclib.show.charts.accuracy import accuracy_chart, accuracy_domain, bins_chart, signals
from ttclib.show.charts.save import save_chart

__all__ = [
    "AGGREGATION_LABELS",
    "accuracy_chart",
    "accuracy_domain",
    "bins_chart",
    "caption",
    "save_chart",
    "signals",
]
