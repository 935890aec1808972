"""How many mistakes each way of checking finds. See lesson 28."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

METHODS = ("count it", "check the shapes", "nudge it", "try the limits", "run it", "look it up")


def by_method(mistakes: pd.DataFrame) -> Figure:
    """A bar for each method, in the colours of the decks; a mistake that two decks make is in both."""
    places = mistakes.assign(deck=mistakes.deck.str.split("; ")).explode("deck").reset_index()
    places = places.drop_duplicates(["id", "deck"])
    table = pd.crosstab(places.method, places.deck).loc[list(METHODS[::-1])]
    figure, axes = plt.subplots(figsize=(8, 3.2))
    table.plot.barh(stacked=True, ax=axes, colormap="viridis", edgecolor="white")
    axes.set(xlabel="mistakes, by deck", ylabel="")
    axes.legend(title="deck", loc="upper left", bbox_to_anchor=(1, 1))
    return figure
