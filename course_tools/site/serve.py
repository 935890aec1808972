"""Show the site on this machine, to nobody else."""

from __future__ import annotations

import functools
import http.server
from pathlib import Path

from course_tools.errors import CourseError
from course_tools.project import Project


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of what is fetched."""

    def log_message(self, format: str, *arguments) -> None:
        pass


def server(folder: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of the site in a folder. Raises CourseError if it is not built, or the port is taken."""
    if not (folder / "index.html").is_file():
        raise CourseError(f"{folder.name}/: the site is not built yet; run `make site` or `course site` first.")
    handler = functools.partial(Quiet, directory=folder)
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise CourseError(f"Port {port} cannot be used: {error.strerror}. Give another with --port.") from None


def serve(project: Project, port: int) -> None:
    """Show the site until Ctrl-C."""
    with server(project.site, port) as running:
        print(f"The course is at http://127.0.0.1:{running.server_port}/. Stop with Ctrl-C.", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
