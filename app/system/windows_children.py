"""Ends children on Windows with all that they started, and starts them without the bundle's libraries.

Windows knows no process groups: killing a process leaves its children, and nothing tells them that it is
gone. A job object does both, see learn.microsoft.com/windows/win32/procthread/job-objects.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import ctypes
    import threading
    from collections.abc import Iterator
    from contextlib import contextmanager
    from ctypes import wintypes

    class _BasicLimits(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
            ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        )

    class _Limits(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", _BasicLimits),
            ("IoInfo", ctypes.c_ulonglong * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    _KILL_ON_JOB_CLOSE = 0x2000
    _EXTENDED_LIMIT_INFORMATION = 9
    _SET_QUOTA_AND_TERMINATE = 0x0101

    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.CreateJobObjectW.restype = wintypes.HANDLE
    _kernel32.CreateJobObjectW.argtypes = (wintypes.LPVOID, wintypes.LPCWSTR)
    _kernel32.SetInformationJobObject.argtypes = (
        wintypes.HANDLE,
        ctypes.c_int,
        wintypes.LPVOID,
        wintypes.DWORD,
    )
    _kernel32.OpenProcess.restype = wintypes.HANDLE
    _kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel32.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    _kernel32.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel32.SetDllDirectoryW.argtypes = (wintypes.LPCWSTR,)

    _starting = threading.Lock()

    class Job:
        """A process and all that it starts from now on. What it started before is none of it.

        Args:
            pid: a process whose handle is open, so that its number is its own.
            dies_with_us: the system kills all of it when this process ends, however that happens.
        """

        def __init__(self, pid: int, *, dies_with_us: bool) -> None:
            self._handle = _kernel32.CreateJobObjectW(None, None)
            if dies_with_us:
                self._limit(_KILL_ON_JOB_CLOSE)
            process = _kernel32.OpenProcess(_SET_QUOTA_AND_TERMINATE, False, pid)
            _kernel32.AssignProcessToJobObject(self._handle, process)  # one that has ended cannot be taken in
            _kernel32.CloseHandle(process)

        def kill(self) -> None:
            """Kill whatever of it runs."""
            _kernel32.TerminateJobObject(self._handle, 1)

        def release(self) -> None:
            """Let what runs on do so, as it does on other systems when its parent has ended in order."""
            self._limit(0)
            _kernel32.CloseHandle(self._handle)
            self._handle = None

        def _limit(self, flags: int) -> None:
            limits = _Limits()
            limits.BasicLimitInformation.LimitFlags = flags
            size = ctypes.sizeof(limits)
            _kernel32.SetInformationJobObject(
                self._handle, _EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size
            )

    @contextmanager
    def users_libraries() -> Iterator[None]:
        """Start a child in here: it inherits the folder in which PyInstaller's bootloader looks for DLLs."""
        bundle = getattr(sys, "_MEIPASS", None)
        if bundle is None:
            yield
            return
        with _starting:
            _kernel32.SetDllDirectoryW(None)
            try:
                yield
            finally:
                _kernel32.SetDllDirectoryW(bundle)
