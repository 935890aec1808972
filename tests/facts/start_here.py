"""Facts of lesson 00_start_here: all of them are reported, from sources outside; none can be computed again."""
