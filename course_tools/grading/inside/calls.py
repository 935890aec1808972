"""System calls that no answer needs, refused by the kernel (seccomp): each is a way to what is not the answer's own.

Keys of the session that started the grader, memory that no process's count shows, other processes, mounts, the kernel.
"""

from __future__ import annotations

import ctypes
import os
import struct

_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of the kernel's small language
_CALL, _MACHINE = 0, 4  # where the two stand in what the kernel shows the filter
_ALLOW, _NO_SUCH_CALL = 0x7FFF0000, 0x00050000 | 38  # ENOSYS: libraries then do without it
_OLD_ABI = 0x40000000  # calls of x86 with this bit are others under another number

# Name of the machine -> its number, and the numbers of: add_key, request_key, keyctl; memfd_create, userfaultfd;
# ptrace, process_vm_readv, process_vm_writev; unshare, setns, mount, umount2, pivot_root; bpf, perf_event_open,
# init_module, finit_module, delete_module, kexec_load; name_to_handle_at, open_by_handle_at.
_REFUSED = {
    "x86_64": (
        0xC000003E,
        (248, 249, 250, 319, 323, 101, 310, 311, 272, 308, 165, 166, 155, 321, 298, 175, 313, 176, 246, 303, 304),
    ),
    "aarch64": (
        0xC00000B7,
        (217, 218, 219, 279, 282, 117, 270, 271, 97, 268, 40, 39, 41, 280, 241, 105, 273, 106, 104, 264, 265),
    ),
}
# The same everywhere: io_uring_setup, _enter, _register; open_tree to fspick; mount_setattr; memfd_secret.
_ALSO_REFUSED = (*range(425, 434), 442, 447)


def refuse_calls() -> None:
    """From now on this process and its children get ENOSYS for them; nothing happens on a machine of another kind.

    The process must have given up new privileges.
    """
    if os.uname().machine not in _REFUSED:
        return
    machine, numbers = _REFUSED[os.uname().machine]
    numbers = (*numbers, *_ALSO_REFUSED)
    steps = [(_LOAD, 0, 0, _MACHINE), (_IF_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _NO_SUCH_CALL), (_LOAD, 0, 0, _CALL)]
    steps += [(_IF_AT_LEAST, len(numbers) + 1, 0, _OLD_ABI)]
    steps += [(_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NO_SUCH_CALL)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, program, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
