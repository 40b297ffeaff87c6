"""Each figure as a function of a tidy table; it draws, but does not compute or save.

Every function returns a ``Drawn``, the figure with its data and its words, or None for an empty table, for
example without human labels or without the images. The tables come from ``analysis.study``; names and colours from
``styles``. Functions are named after the number of the figure, unless several pages use them.
"""

from report.figures.bins import figure_bins
from report.figures.control import figure_c1, figure_c2
from report.figures.forest import figure_b1, figure_b2
from report.figures.front import figure_front
from report.figures.hardness import figure_h3, figure_h4
from report.figures.network import figure_h1, figure_h2, figure_t1
from report.figures.overtaking import figure_d1
from report.figures.panels import Drawn, own_style
from report.figures.paper import figure_1, figure_2, figure_3, figure_4, figure_5, figure_6, figure_7
from report.figures.starts import figure_starts
