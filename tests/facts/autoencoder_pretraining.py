"""Facts of lesson 17. Its only one, F359, is a verdict on the years from 1986 to 2006: it is reported, not recomputed.

The lesson repeats it as an experiment on depth, `course_lessons/autoencoder_pretraining/evidence/depth.csv`.
"""
