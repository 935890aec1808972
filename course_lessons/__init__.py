"""One room per lesson: its source, exercises, figures, and what was generated or recorded for it."""
