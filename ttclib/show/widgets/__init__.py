"""Controls and explorers for a notebook with a running kernel.

Rooms: `state` (what is looked at, as plain values), `controls` (one widget a value), `explorer`
(controls, picture and table together), then one module a question. Needs ipywidgets and anywidget.
"""

from ttclib.show.widgets.costs import CrossoverExplorer, FrontierExplorer
from ttclib.show.widgets.explorer import Explorer, View
from ttclib.show.widgets.replay import ReplayExplorer
from ttclib.show.widgets.state import ViewState

__all__ = ["CrossoverExplorer", "Explorer", "FrontierExplorer", "ReplayExplorer", "View", "ViewState"]
