"""Charts, widgets and reports: draws what it is given and computes nothing.

Rooms: `theme` (colours, names, fonts), `charts` (pictures of a curves table), `choices` (what a
pool can answer), `widgets` (the explorer in a notebook), `report` (a notebook as one HTML page).
Nothing is imported here, so that reading one room needs only that room's packages: `charts` needs
altair, `widgets` also ipywidgets and anywidget, `report` also papermill and nbconvert.
"""
