"""How much a submission may use for one exercise, and how each limit is called when it strikes."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """For each exercise of each submission. Sizes are in megabytes of 10**6 bytes, times in seconds.

    Where a notebook is run whole, `notebook` is for all of it, and the others are for what is asked after that.
    """

    seconds: float = 30.0  # by the clock on the wall
    cpu: float = 30.0  # of the processor, in the answer's own process
    memory: int = 2000  # of data; a Keras process needs several hundred
    processes: int = 16  # at one time
    files: int = 50  # in the private scratch folder
    output: int = 10  # printed and returned
    whole_file: int = 64  # of the submission itself
    reading: float = 20.0  # of the processor, for the grader itself: to read a submission, or to judge an answer
    notebook: float = 300.0  # by the clock or of the processor, where all of it is run

    @property
    def threads(self) -> int:
        """All threads of all processes, as the kernel counts them: TensorFlow starts a few for every core."""
        return 8 * (self.processes + (os.cpu_count() or 1))

    def says(self, name: str) -> str:
        """The sentence for the limit `name`."""
        return {
            "seconds": f"It was still running after {self.seconds:g} seconds (the limit on time).",
            "cpu": f"It used the processor for more than {self.cpu:g} seconds (the limit on CPU time).",
            "notebook": f"The whole notebook took more than {self.notebook:g} seconds (the limit on running it).",
            "memory": f"It asked for more memory than the limit of {self.memory} MB.",
            "processes": f"It started more processes than the limit of {self.processes}.",
            "files": f"It wrote more to files than the limit of {self.files} MB.",
            "output": f"It printed or returned more than the limit of {self.output} MB.",
        }[name]
