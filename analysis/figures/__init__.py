"""Each figure as a function of a tidy table: it draws, and neither computes nor saves.

Every function returns a matplotlib Figure, or None for an empty table: where nobody was asked, figures about people's
answers are not drawn, nor pictures that are not here. The tables come from ``tables`` and ``ranking``; names and
colours from ``styles``.
"""

from analysis.figures.bins import within_bins
from analysis.figures.control import figure_c1, figure_c2
from analysis.figures.discussion import overtaking
from analysis.figures.forest import figure_b1, figure_b2
from analysis.figures.network import distribution, hardness_overview, training_curves
from analysis.figures.paper import figure_1, figure_2, figure_3, figure_4, figure_5, figure_6, figure_7
from analysis.figures.pictures import class_ends, suspects

__all__ = [
    "class_ends",
    "distribution",
    "figure_1",
    "figure_2",
    "figure_3",
    "figure_4",
    "figure_5",
    "figure_6",
    "figure_7",
    "figure_b1",
    "figure_b2",
    "figure_c1",
    "figure_c2",
    "hardness_overview",
    "overtaking",
    "suspects",
    "training_curves",
    "within_bins",
]
