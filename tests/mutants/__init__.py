"""Wrong answers made from right ones, to measure how much a checker sees.

`source` rewrites Python, `model` edits a Keras model, `result` spoils what an answer gives. `strength` judges them.
"""
