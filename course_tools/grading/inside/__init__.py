"""The part of the grader that shares a sandbox with submissions. Nothing in here knows an expected answer."""
