"""`course grade`: marks for a folder of submissions, each of which is a stranger's program.

`intake` finds the notebooks, `needed` takes out of them what an answer depends on, `sandbox` runs `inside` with that,
away from everything else, `grade` compares what came back with the oracles, `journal` keeps every result the moment it
is there, and `gradebook` and `pages` write them up.
"""
