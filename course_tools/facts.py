"""The verdicts on what the lecture decks and the papers publish: data/facts.csv has one in every row."""

from __future__ import annotations

VERDICTS = {
    "confirmed": "recomputed, and it is as published",
    "rounded": "recomputed, and it is as published once rounded or truncated",
    "wrong": "recomputed, and it is not as published",
    "misleading": "recomputed; what is published can be read in a way that does not hold",
    "not reproduced": "recomputed, and it is not as published, perhaps because the model or the protocol differs",
    "derived": "computed for the course; the decks do not state it",
    "hyper-parameter": "a setting that somebody chose; a lesson may use it, and then it can be read from there",
    "reported": "measured by others, and nothing here can recompute it; `computed` is empty",
}
