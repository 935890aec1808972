"""The kernel `course-warm`, seen as Jupyter's clients see it. All tests share one server, which the first two start."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbclient
import nbformat
import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from tiny_course import course
from tiny_notebook import RIGHT, START, WRONG, run_pytest, write_notebook
from waiting import HANGS, wait_until

from course_tools.warm import WarmError
from course_tools.warm_kernel import meeting, specification

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm starts need Linux")
IDLE = 2  # seconds
KERNEL = f"kernels/{specification.NAME}/kernel.json"


class Running:
    """A kernel that runs, as a client sees it."""

    def __init__(self, **settings: str):
        self.manager, self.client = start_new_kernel(
            kernel_name=specification.NAME, env={**os.environ, **settings}, stderr=subprocess.DEVNULL
        )

    def value(self, expression: str):
        """What the kernel gives for an expression, through JSON."""
        said = []
        reply = self.client.execute_interactive(
            f"import json; print(json.dumps({expression}))",
            output_hook=lambda message: said.append(message["content"].get("text", "")),
            timeout=HANGS,
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return json.loads("".join(said))

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def status(self) -> int:
        """How the process ended that Jupyter started."""
        return self.manager.provisioner.process.wait(HANGS)


@pytest.fixture(scope="module")
def place():
    """A runtime folder and a kernel specification of the tests' own."""
    folder = Path(tempfile.mkdtemp(prefix="warm"))  # a socket's path must be short
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("COURSE_WARM_IDLE", str(IDLE))
        for asked_for_elsewhere in ("KERAS_BACKEND", "MPLBACKEND"):
            patch.delenv(asked_for_elsewhere, raising=False)
        specification.write(folder / "kernels" / specification.NAME)
        yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def first_two(place):
    """Two kernels that were asked for at the same moment, when there was no server yet."""
    with ThreadPoolExecutor() as pool:
        kernels = list(pool.map(lambda _: Running(), range(2)))
    yield kernels
    for kernel in kernels:
        if kernel.manager.has_kernel:
            kernel.stop()


@pytest.fixture
def kernel(first_two):
    running = Running()
    yield running
    running.stop()


@pytest.fixture
def server(first_two) -> int:
    return first_two[0].value("__import__('os').getppid()")


def meeting_of_a_launcher(**settings: str) -> meeting.Meeting:
    """Where a launcher with these settings would look for its server."""
    program = (
        "import sys; sys.orig_argv[1:3] = ['-m', 'launcher']; "
        "from course_tools.warm_kernel.meeting import Meeting; print(Meeting().name)"
    )
    environment = {**os.environ, **settings}
    command = [json.loads((Path(os.environ["JUPYTER_PATH"]) / KERNEL).read_text())["argv"][0], "-c", program]
    return meeting.Meeting(subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip())


def is_gone(process: int) -> bool:
    return not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE


def sockets(place: Path) -> list[Path]:
    return list(place.glob("course-warm-*/*.socket"))


def test_whoever_comes_first_starts_one_server_for_all(first_two, place, server):
    parents = [kernel.value("__import__('os').getppid()") for kernel in first_two]
    assert parents == [server, server]
    assert len(sockets(place)) == 1
    assert (place / f"course-warm-{os.getuid()}").stat().st_mode & 0o777 == 0o700
    assert not list(place.glob("*/*.cold"))


def test_a_kernel_starts_at_once_with_keras_in_it(kernel):
    assert kernel.value("'keras' in __import__('sys').modules")
    assert kernel.value("__import__('time').process_time()") < 4  # importing Keras alone takes longer


def test_kernels_draw_different_numbers_and_repeat_them_from_a_seed(first_two):
    draw = "[random.random(), np.random.rand(), float(keras.random.uniform(())), float(tf.random.uniform(()))]"
    for kernel in first_two:
        kernel.client.execute_interactive("import random, keras, numpy as np, tensorflow as tf", timeout=HANGS)
    one, other = (kernel.value(draw) for kernel in first_two)
    assert all(a != b for a, b in zip(one, other, strict=True))
    for kernel in first_two:
        kernel.client.execute_interactive("keras.utils.set_random_seed(3)", timeout=HANGS)
    assert first_two[0].value(draw) == first_two[1].value(draw)


def test_a_model_learns_in_the_child(kernel):
    kernel.client.execute_interactive(
        "import keras, numpy as np\n"
        "x = np.linspace(-1, 1, 64).reshape(-1, 1)\n"
        "model = keras.Sequential([keras.layers.Dense(1)])\n"
        "model.compile(keras.optimizers.SGD(0.3), 'mse')\n"
        "losses = model.fit(x, 3 * x, epochs=8, verbose=0).history['loss']",
        timeout=HANGS,
    )
    losses = kernel.value("losses")
    assert losses[-1] < losses[0] / 10


def test_it_is_what_the_launcher_would_have_become(place, first_two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = (
        "[os.getcwd(), os.environ.get('MY_SETTING'), [name for name in sys.modules if name.startswith('course_lib')], "
        "sys.path, sys.argv[0], os.environ.get('MPLBACKEND'), threads, "
        "pandas.get_option('display.max_columns')]"
    )
    ask = (
        "import os, sys, threadpoolctl, numpy, pandas\n"
        "threads = [pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'][:1]"
    )
    found = []
    for settings in ({}, {"KERAS_BACKEND": "jax"}):  # the second gets an ordinary kernel
        kernel = Running(MY_SETTING="yes", **settings)
        kernel.client.execute_interactive(ask, timeout=HANGS)
        found.append(kernel.value(facts))
        assert kernel.value("'keras' in sys.modules") == (not settings)
        kernel.stop()
    assert found[0] == found[1]
    assert found[0][:3] == [str(tmp_path), "yes", []]


def test_figures_are_drawn_into_the_notebook(first_two):
    cells = ["import matplotlib.pyplot as plt\nplt.plot([1, 2]);", "plt.get_backend()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name=specification.NAME, timeout=HANGS, iopub_timeout=60).execute()
    assert "image/png" in notebook.cells[0].outputs[0].data
    assert "inline" in notebook.cells[1].outputs[0].data["text/plain"]


def test_an_interrupt_reaches_the_cell_and_only_that(kernel, tmp_path):
    # After an error a kernel drops, for a moment, what is already waiting: not here.
    begun = tmp_path / "begun"
    endless = f"import time\nopen({str(begun)!r}, 'w')\nwhile True:\n    time.sleep(0.05)"
    kernel.client.execute(endless, stop_on_error=False)
    assert wait_until(begun.exists)
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=HANGS)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.value("1 + 1") == 2


@pytest.mark.parametrize(
    ("code", "status"), [("os._exit(7)", 7), ("os.kill(os.getpid(), 11)", -11), ("os.kill(os.getpid(), 9)", -9)]
)
def test_a_death_is_handed_back(first_two, code, status):
    kernel = Running()
    kernel.client.execute(f"import os; {code}")
    assert kernel.status() == status
    kernel.stop()
    assert first_two[0].value("1") == 1


def test_a_clean_end_has_status_0(first_two):
    kernel = Running()
    kernel.client.shutdown()
    assert kernel.status() == 0
    kernel.stop()


def test_a_dead_kernel_is_an_error_for_nbclient(first_two):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import os; os._exit(0)")])
    with pytest.raises(nbclient.exceptions.DeadKernelError):
        nbclient.NotebookClient(notebook, kernel_name=specification.NAME, timeout=HANGS).execute()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_kernel_dies_with_its_launcher(kernel, number, tmp_path):
    process, begun = kernel.value("__import__('os').getpid()"), tmp_path / "begun"
    busy = f"signal.signal(signal.SIGTERM, signal.SIG_DFL); open({str(begun)!r}, 'w'); time.sleep({HANGS})"
    kernel.client.execute(f"import time, signal; {busy}")
    assert wait_until(begun.exists)
    os.kill(kernel.manager.provisioner.process.pid, number)
    assert wait_until(lambda: is_gone(process))


def test_nbval_passes_and_fails_as_with_an_ordinary_kernel(first_two, tmp_path):
    write_notebook(
        tmp_path / "anna.ipynb",
        *(START, RIGHT, "check(predict)", WRONG, "check(weights_for_nand=weights_for_nand)"),
    )
    answer = run_pytest(tmp_path, "--nbval-lax", f"--nbval-kernel-name={specification.NAME}", "-rA", "anna.ipynb")
    assert "1 failed, 4 passed" in answer.stdout and "weights_for_nand: wrong." in answer.stdout, answer.stdout


def test_a_sandboxed_process_gets_no_kernel_out_here(place, first_two):
    own_world = ["unshare", "--user", "--map-root-user", "--ipc"]
    if shutil.which("unshare") is None or subprocess.run([*own_world, "true"], capture_output=True).returncode:
        pytest.skip("unshare is not allowed here")
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1]); "
        "print(s.recv(1000).decode())"
    )
    command = [*own_world, sys.executable, "-c", program, str(sockets(place)[0])]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=HANGS)
    assert answer.stdout.strip() == "This server is not for processes in a sandbox of their own."


def test_nonsense_on_the_socket_harms_nobody(place, first_two):
    for message, descriptors in ((b"start", []), (b"\x09", []), (b"start", [0, 0]), (b"x" * 5000, [0, 0, 0, 0])):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.settimeout(HANGS)
            client.connect(str(sockets(place)[0]))
            socket.send_fds(client, [message], descriptors)
            assert client.recv(100) == b""  # hung up
    assert first_two[0].value("1") == 1


def test_the_folder_must_be_private(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / f"course-warm-{os.getuid()}"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(WarmError, match="only its owner"):
        meeting.Meeting("name")
    folder.rmdir()
    (tmp_path / "private").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "private")
    with pytest.raises(WarmError, match="only its owner"):
        meeting.Meeting("name")


def test_a_server_that_cannot_fork_means_ordinary_kernels(place, tmp_path):
    """Here every Python has a second thread from the start."""
    thread = "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    (tmp_path / "sitecustomize.py").write_text(thread)
    for _ in range(2):
        kernel = Running(PYTHONPATH=str(tmp_path))
        assert kernel.value("'keras' in __import__('sys').modules") is False
        assert kernel.value("__import__('os').getppid()") == os.getpid()
        kernel.stop()
    reasons = [file.read_text() for file in place.glob("*/*.cold")]
    assert len(reasons) == 1 and "2 threads" in reasons[0]


def test_another_environment_at_import_is_another_server(place):
    usual = meeting_of_a_launcher().name
    assert meeting_of_a_launcher(MY_SETTING="yes", PYTEST_CURRENT_TEST="x").name == usual
    others = [{"OMP_NUM_THREADS": "3"}, {"PYTHONPATH": "/nowhere"}, {"KERAS_HOME": "/nowhere"}]
    assert len({usual, *(meeting_of_a_launcher(**settings).name for settings in others)}) == 4


def test_the_command_installs_and_removes_the_kernel(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    installed = course(capsys, monkeypatch, tmp_path, "kernel", "install", "--user")
    folder = tmp_path / "kernels" / "course-warm"
    assert installed.status == 0 and str(folder) in installed.out and "Python 3 (Keras ready)" in installed.out
    facts = json.loads((folder / "kernel.json").read_text())
    assert facts["argv"][1:] == ["-m", "course_tools.warm_kernel.launcher", "-f", "{connection_file}"]
    assert course(capsys, monkeypatch, tmp_path, "kernel", "install", "--user").status == 0  # over the old one
    assert course(capsys, monkeypatch, tmp_path, "kernel", "remove", "--user").status == 0 and not folder.exists()
    again = course(capsys, monkeypatch, tmp_path, "kernel", "remove", "--user")
    assert again.status == 2 and "none to remove" in again.err


def test_a_server_that_is_killed_fails_the_cell(first_two, tmp_path):
    """A lost server must never look like a pass."""
    note = tmp_path / "kernel"
    kill = f"import os, sys, time\nassert 'keras' in sys.modules\nopen({str(note)!r}, 'w').write(str(os.getpid()))\n"
    kill += "os.kill(os.getppid(), 9)\ntime.sleep(3)"
    write_notebook(tmp_path / "anna.ipynb", "'fine'", kill, "'after'")
    nbval = ("--nbval-lax", f"--nbval-kernel-name={specification.NAME}", "--nbval-cell-timeout=5")
    answer = run_pytest(tmp_path, *nbval, "anna.ipynb")
    assert answer.returncode == 1 and "1 failed, 1 passed, 1 xfailed" in answer.stdout, answer.stdout
    assert wait_until(lambda: is_gone(int(note.read_text())))


def test_a_server_that_left_its_socket_is_replaced_and_ends_when_nobody_wants_it(place, monkeypatch):
    own = place / "own"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(own))
    own.mkdir()
    left = meeting_of_a_launcher().socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as nobody:
        nobody.bind(str(left))
    kernel = Running()
    assert kernel.value("'keras' in __import__('sys').modules")
    server = kernel.value("__import__('os').getppid()")
    assert sockets(own) == [left] and server != os.getpid()
    time.sleep(IDLE + 1)
    assert not is_gone(server)  # a kernel still runs
    kernel.stop()
    assert wait_until(lambda: is_gone(server))
    assert not sockets(own)
