"""Submissions that no teacher wants to meet, and the verdict that each must get.

Every attack is put in the place of the answer to `correlate2d` of lesson 09; `{folder}` stands for the folder of all
submissions, where the secret of another student lies, and `{out}` for the folder of the marks. "No luck" is what an
attack says when it did not find what it came for. The table in docs/grading.md is made from this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

RIGHT = dedent(
    """
    def right(image, kernel):
        rows, columns = (np.array(image.shape) - kernel.shape) + 1
        height, width = kernel.shape
        return np.array([[(image[r : r + height, c : c + width] * kernel).sum() for c in range(columns)]
                         for r in range(rows)])
    """
)


SECOND = dedent(
    """
    def output_size(size, kernel_size, strides, padding, dilation_rate):
        reach = dilation_rate * (kernel_size - 1) + 1
        return (size + 2 * padding - reach) // strides + 1
    """
)


@dataclass
class Attack:
    """What it does, in words; its code; and the verdict, with a piece of the reason."""

    what: str
    code: str
    verdict: str
    reason: str = ""

    def cells(self, folder="", out="") -> list[str]:
        """The code cells of the submission; a second exercise is answered rightly."""
        answer = dedent(self.code).replace("{folder}", str(folder)).replace("{out}", str(out))
        return ["import numpy as np", RIGHT, answer, SECOND]


ATTACKS = [
    Attack("loops for ever", "def correlate2d(image, kernel):\n    while True: pass", "timed out", "limit on"),
    Attack(
        "sleeps for ever", "import time\ndef correlate2d(image, kernel):\n    time.sleep(1e6)", "timed out", "seconds"
    ),
    Attack(
        "loops for ever in the cell, and ignores every signal",
        """
        import signal
        for number in range(1, 64):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        correlate2d = right
        while True: correlate2d = right
        """,
        "timed out",
    ),
    Attack("fork bomb", "import os\ndef correlate2d(image, kernel):\n    while True: os.fork()", "limit", "processes"),
    Attack("asks for 100 GB", "def correlate2d(image, kernel):\n    return np.ones(12_500_000_000)", "limit", "memory"),
    Attack(
        "takes all memory, little by little",
        "def correlate2d(image, kernel):\n    hoard = []\n    while True: hoard.append(np.ones(1_000_000))",
        "limit",
        "memory",
    ),
    Attack(
        "takes all memory with several processes",
        """
        import os, time
        def correlate2d(image, kernel):
            for _ in range(6): os.fork()
            hoard = [np.ones(1_000_000) for _ in range(40)]
            time.sleep(1e6)
        """,
        "limit",
    ),
    Attack(
        "takes all memory as shared memory, which no limit of the kernel counts",
        """
        import mmap, time
        def correlate2d(image, kernel):
            hoard = mmap.mmap(-1, 3 * 10**9)
            for _ in range(1500): hoard.write(bytes(10**6))
            time.sleep(1e6)
        """,
        "limit",
        "memory",
    ),
    Attack(
        "takes all memory as shared memory, and hides how much it has",
        """
        import ctypes, mmap, time
        def correlate2d(image, kernel):
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
            hoard = mmap.mmap(-1, 3 * 10**9)
            for _ in range(1500): hoard.write(bytes(10**6))
            time.sleep(1e6)
        """,
        "limit",
        "memory",
    ),
    Attack(
        "prints 1 GB",
        """
        def correlate2d(image, kernel):
            for _ in range(1000): print('x' * 10**6)
            return right(image, kernel)
        """,
        "limit",
        "printed",
    ),
    Attack("returns 800 MB", "def correlate2d(image, kernel):\n    return np.zeros(100_000_000)", "limit"),
    Attack(
        "writes a file of 10 GB",
        """
        def correlate2d(image, kernel):
            with open("big", "wb") as file:
                for _ in range(10_000): file.write(bytes(10**6))
        """,
        "limit",
        "files",
    ),
    Attack("os._exit", "import os\ndef correlate2d(image, kernel):\n    os._exit(0)", "crashed", "status 0"),
    Attack("sys.exit", "import sys\ndef correlate2d(image, kernel):\n    sys.exit()", "raised", "end itself"),
    Attack(
        "raises what no `except Exception` catches",
        "class Leave(BaseException): pass\ndef correlate2d(image, kernel):\n    raise Leave",
        "raised",
        "Leave",
    ),
    Attack(
        "opens a terminal, to talk to another submission",
        "import os\ndef correlate2d(image, kernel):\n    os.openpty()\n    return right(image, kernel)",
        "raised",
        "Errno",
    ),
    Attack(
        "sys.exit in the cell, instead of an answer", "import sys\ncorrelate2d = sys.exit()", "raised", "SystemExit"
    ),
    Attack(
        "segmentation fault",
        "import ctypes\ndef correlate2d(image, kernel):\n    ctypes.string_at(0)",
        "crashed",
        "SIGSEGV",
    ),
    Attack(
        "kills its own kernel",
        "import os\ndef correlate2d(image, kernel):\n    os.kill(os.getpid(), 9)\n    os.abort()",
        "crashed",
    ),
    Attack(
        "deep recursion",
        "def correlate2d(image, kernel):\n    return correlate2d(image, kernel)",
        "raised",
        "RecursionError",
    ),
    Attack(
        "deep recursion with the limit lifted",
        """
        import sys
        def correlate2d(*case):
            sys.setrecursionlimit(10**9)
            return sorted([1], key=lambda _: correlate2d(*case))
        """,
        "crashed",
        "SIGSEGV",
    ),
    Attack(
        "looks for the solutions, oracles and lessons on disk",
        """
        import os
        def correlate2d(image, kernel):
            for folder, inner, names in os.walk("/"):
                inner[:] = [name for name in inner if name not in ("usr", "proc", "dev", "site-packages")]
                for name in names:
                    if name.startswith("09_convolution") or name == "convolution.py" and "exercises" in folder:
                        return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "reads another submission",
        "def correlate2d(image, kernel):\n    open('{folder}/secret.txt').read()\n    return right(image, kernel)",
        "raised",
        "FileNotFoundError",
    ),
    Attack(
        "reads the gradebook",
        "import os\ndef correlate2d(image, kernel):\n    os.listdir('{out}')\n    return right(image, kernel)",
        "raised",
        "FileNotFoundError",
    ),
    Attack(
        "reads /proc of the grader",
        """
        import os
        def correlate2d(image, kernel):
            for name in os.listdir("/proc"):
                if name.isdecimal():
                    return right(image, kernel)
            with open("/proc/self/environ") as file:
                if "{out}" in file.read():
                    return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "opens a connection",
        """
        import socket
        def correlate2d(image, kernel):
            socket.create_connection(('1.1.1.1', 53), 2)
            return right(image, kernel)
        """,
        "raised",
        "unreachable",
    ),
    Attack(
        "writes into the course's library",
        "import course_lib\ndef correlate2d(image, kernel):\n    open(course_lib.__file__, 'a').write('x = 1')",
        "raised",
        "Errno",
    ),
    Attack(
        "signals everybody, the parent first",
        """
        import os
        def correlate2d(image, kernel):
            for process in [os.getppid(), *range(2, 40_000)]:
                try: os.kill(process, 9) if process > 0 else None
                except ProcessLookupError: continue
                if process > 0: return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "leaves a daemon behind (and answers rightly)",
        """
        import os, time
        def correlate2d(image, kernel):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(1e6)
                os._exit(0)
            return right(image, kernel)
        """,
        "correct",
    ),
    Attack(
        "patches NumPy's comparisons",
        """
        def correlate2d(image, kernel):
            for name in ("allclose", "isclose", "array_equal"):
                setattr(np, name, lambda *a, **k: np.True_)
            np.testing.assert_allclose = lambda *a, **k: None
            return np.zeros(np.array(image.shape) - kernel.shape + 1)
        """,
        "wrong",
    ),
    Attack(
        "returns an object that equals everything",
        """
        class Same:
            def __eq__(self, other): return True
            def __ne__(self, other): return False
        def correlate2d(image, kernel):
            return Same()
        """,
        "wrong",
        "a Same",
    ),
    Attack(
        "returns an array of a class that lies",
        """
        class Liar(np.ndarray):
            def __eq__(self, other): return np.True_
            def __array_function__(self, *a): return True
            def __array_ufunc__(self, *a, **k): return np.float64(0)
        def correlate2d(image, kernel):
            return np.zeros(np.array(image.shape) - kernel.shape + 1).view(Liar)
        """,
        "wrong",
    ),
    Attack(
        "returns an object whose repr and pickle run code",
        """
        class Bomb:
            def __repr__(self): open("{folder}/bomb", "w"); return "bomb"
            def __reduce__(self): return (open, ("{folder}/bomb", "w"))
        def correlate2d(image, kernel):
            return Bomb()
        """,
        "wrong",
        "a Bomb",
    ),
    Attack(
        "overwrites check, the judge and builtins",
        """
        import builtins
        from course_lib.exercises import answer, check
        def correlate2d(image, kernel):
            answer._same = lambda *a, **k: True
            answer.run = check = lambda *a, **k: answer.Outcome(status="correct")
            builtins.any = builtins.all = builtins.abs = lambda *a: True
            return np.zeros(np.array(image.shape) - kernel.shape + 1)
        """,
        "wrong",
    ),
    Attack(
        "looks for the expected value in frames, in gc and in modules",
        """
        import gc, sys
        def correlate2d(image, kernel):
            wanted = right(image, kernel)
            frame, seen = sys._getframe(1), []
            while frame:
                seen += [*frame.f_locals.values(), *frame.f_globals.values()]
                frame = frame.f_back
            for thing in [*seen, *gc.get_objects()]:
                if type(thing) is np.ndarray and thing is not wanted and thing.shape == wanted.shape:
                    if wanted.size > 1 and np.allclose(thing, wanted): return wanted
                if getattr(thing, "__name__", "") == "correlate2d" and thing is not correlate2d:
                    if "exercises" in str(getattr(thing, "__module__", "")): return wanted
            for name, module in list(sys.modules.items()):
                if name.startswith("course_lib.exercises.") and name.endswith("convolution"): return wanted
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "returns the result of the one case that its author has seen",
        "def correlate2d(image, kernel):\n    return np.array([[-1.0, 2.0], [0.5, 0.25]])",
        "wrong",
    ),
    Attack(
        "writes forged results into every open file",
        """
        import os
        def correlate2d(image, kernel):
            for number in range(3, 10):
                try: os.write(number, b'{"value": 1, "fault": "", "status": ""}\\n{"limit": ""}\\nrubbish\\n' * 20)
                except OSError: pass
            return right(image, kernel)
        """,
        "wrong",
    ),
    Attack(
        "closes every file, the way to the grader too",
        "import os\ndef correlate2d(image, kernel):\n    os.closerange(0, 100)\n    return right(image, kernel)",
        "crashed",
    ),
    Attack(
        "returns a list that contains itself",
        "def correlate2d(image, kernel):\n    loop = []\n    loop.append(loop)\n    return loop",
        "raised",
        "RecursionError",
    ),
    Attack(
        "time bomb: waits for the next exercise (and answers rightly)",
        """
        import atexit, threading, time
        def bomb():
            time.sleep(0.5)
            import builtins
            builtins.sum = lambda *a: 0
        def correlate2d(image, kernel):
            threading.Thread(target=bomb, daemon=True).start()
            atexit.register(bomb)
            return right(image, kernel)
        """,
        "correct",
    ),
    Attack(
        "deletes its own folder and all others (and answers rightly)",
        """
        import os, shutil
        def correlate2d(image, kernel):
            for folder in (os.getcwd(), "/scratch", "/course", "{folder}", "{out}"):
                shutil.rmtree(folder, ignore_errors=True)
            return right(image, kernel)
        """,
        "correct",
    ),
    Attack(
        "leaves a file for the next submission",
        """
        import glob, os
        def correlate2d(image, kernel):
            for folder in (".", "/scratch", "/tmp", "/dev/shm", "/var/tmp", "/course"):
                if glob.glob(folder + "/left-*"): return right(image, kernel)
            for folder in (".", "/scratch", "/tmp", "/dev/shm", "/var/tmp", "/course"):
                try: open(f"{folder}/left-{os.urandom(4).hex()}", "w").close()
                except OSError: pass
            if os.path.exists("tried"): return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
    ),
    Attack(
        "makes itself root of a new namespace",
        """
        import ctypes
        def correlate2d(image, kernel):
            if ctypes.CDLL(None).unshare(0x10000000) == 0: return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "mounts something else over the library",
        """
        import ctypes
        def correlate2d(image, kernel):
            if ctypes.CDLL(None).mount(b"tmpfs", b"/course", b"tmpfs", 0, None) == 0: return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "looks for keys in the kernel's keyring, or leaves some there",
        """
        import ctypes
        def correlate2d(image, kernel):
            call = ctypes.CDLL(None).syscall
            for number in (250, 219):  # keyctl: the session's keyring, one's own
                if call(number, 0, -3, 0) > 0 or call(number, 0, -4, 1) > 0: return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "hides its memory in a file that has no name",
        """
        import os
        def correlate2d(image, kernel):
            os.ftruncate(os.memfd_create("hoard"), 10**9)
            return right(image, kernel)
        """,
        "raised",
        "Errno 38",
    ),
    Attack(
        "reads the memory of another process",
        """
        import ctypes, os
        def correlate2d(image, kernel):
            child = os.fork()
            if child == 0: import time; time.sleep(1000)
            if ctypes.CDLL(None).ptrace(16, child, 0, 0) == 0: return right(image, kernel)
            raise LookupError("no luck")
        """,
        "raised",
        "no luck",
    ),
    Attack(
        "changes its inputs",
        "def correlate2d(image, kernel):\n    answer = right(image, kernel)\n    image *= 0\n    return answer",
        "wrong",
        "changed its input",
    ),
    Attack(
        "hides behind HTML and script",
        """
        def correlate2d(image, kernel):
            raise ValueError('<script>alert(1)</script><img src=x onerror=alert(2)>')
        """,
        "raised",
        "<script>",
    ),
]
