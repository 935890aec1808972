"""What the `course` command shows to people."""


class CourseError(Exception):
    """Something a person has to put right, said in one sentence that names the file; `course` ends with `status`."""

    status = 2


class NothingFound(CourseError):
    """There was nothing to work on."""

    status = 1
