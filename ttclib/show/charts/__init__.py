"""Pictures, one module a question; each is drawn from a table that `ttclib.analysis` made.

To add one: rows with what tooltips say (`rows`), a `Measure` (`axes`), a `Series` (`series`), the layers of `Lines`
and `finished` (`grammar`). `n_bins` are the bins that were cut, of which some may have no row; None: up to the largest
in the table.
"""

from ttclib.show.charts.accuracy import accuracy_chart, accuracy_domain, accuracy_rows, bins_chart, bins_rows
from ttclib.show.charts.compare import differences_chart, gain_chart, graders_chart, lengths_chart, sides_chart
from ttclib.show.charts.crossover import PAPER_RATES, crossover_chart
from ttclib.show.charts.difficulty import agreement_chart, cheap_chart, confusion_chart, difficulty_histogram
from ttclib.show.charts.fits import extrapolation_chart, miss_chart
from ttclib.show.charts.flywheel import flow_chart, moved_chart
from ttclib.show.charts.forecast import forecast_chart
from ttclib.show.charts.frontier import frontier_chart, plan_chart
from ttclib.show.charts.inside import catching_chart, data_chart, routes_chart
from ttclib.show.charts.many_or_once import cost_chart, equal_cost_chart
from ttclib.show.charts.pairs import needed_chart, pair_bins_chart, pairs_chart
from ttclib.show.charts.paper import leads_chart, optimal_chart, sequential_chart, stars_chart
from ttclib.show.charts.revisions import best_split_chart, chain_chart, sweep_chart
from ttclib.show.charts.save import save_chart
from ttclib.show.charts.saving import account_chart, saving_chart
from ttclib.show.charts.training import choices_chart, held_out_chart, training_chart
from ttclib.show.charts.tree import gains_chart, tree_chart

__all__ = [
    "PAPER_RATES",
    "account_chart",
    "accuracy_chart",
    "accuracy_domain",
    "accuracy_rows",
    "agreement_chart",
    "best_split_chart",
    "bins_chart",
    "bins_rows",
    "catching_chart",
    "chain_chart",
    "cheap_chart",
    "choices_chart",
    "confusion_chart",
    "cost_chart",
    "crossover_chart",
    "data_chart",
    "differences_chart",
    "difficulty_histogram",
    "equal_cost_chart",
    "extrapolation_chart",
    "flow_chart",
    "forecast_chart",
    "frontier_chart",
    "gain_chart",
    "gains_chart",
    "graders_chart",
    "held_out_chart",
    "leads_chart",
    "lengths_chart",
    "miss_chart",
    "moved_chart",
    "needed_chart",
    "optimal_chart",
    "pair_bins_chart",
    "pairs_chart",
    "plan_chart",
    "routes_chart",
    "save_chart",
    "saving_chart",
    "sequential_chart",
    "sides_chart",
    "stars_chart",
    "sweep_chart",
    "training_chart",
    "tree_chart",
]
