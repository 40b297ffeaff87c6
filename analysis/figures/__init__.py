"""Each figure as a function of a tidy table: it draws, and neither computes nor saves.

Every function returns a matplotlib Figure, or None for an empty table: where nobody was asked, figures about people's
answers are not drawn. The tables come from ``tables``; names and colours from ``styles``.
"""

from analysis.figures.forest import figure_b1, figure_b2
from analysis.figures.network import distribution, hardness_overview, training_curves
from analysis.figures.paper import figure_1, figure_2, figure_3, figure_4, figure_5, figure_6, figure_7

__all__ = [
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
    "hardness_overview",
    "training_curves",
]
