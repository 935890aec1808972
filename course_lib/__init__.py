"""What the notebooks of the course import. Loading it is cheap: every room below is opened only when asked for."""

from course_lib.session import scale, start

__all__ = ["scale", "start"]
