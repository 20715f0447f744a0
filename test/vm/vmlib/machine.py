# SPDX-License-Identifier: GPL-2.0-only
"""One run of the virtual machine: qemu, the frames the guest sends, the watchdogs."""

import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time

from .common import VmError, say

EXIT_TIMEOUT = 124
EXIT_VM_FAILED = 125

# How often the console is looked at while nothing else happens.
TICK_SECONDS = 0.5
# After a panic the kernel prints for a moment; after the deadline the guest ends things itself.
CRASH_GRACE_SECONDS = 5
TIMEOUT_GRACE_SECONDS = 20
END_GRACE_SECONDS = 120

# The scratch disk of --get; sparse, so the limit costs nothing.
GET_DISK_BYTES = 8 << 30

# Without ERMS the guest's kernel does not copy by `rep movsb`, which is emulated byte by byte: copying would be several
# times dearer, next to all else, than it is on a real processor. KERNEL_PARAMETERS have more of that.
PROCESSOR = "max,-erms"

# tsc=reliable: the emulated counter follows the host's, but without this the kernel distrusts it
# and reads the HPET, slowly and without the vDSO.
# clearcpuid=rep_good: nor does the kernel copy by `rep movsq`. That loads and stores in turn, which takes five times
# as long for two pages that happen to have one place in qemu's table of translations.
# no_timer_check: else the kernel panics if no tick comes within its first loops, as on a host that is busy.
KERNEL_PARAMETERS = ("console=ttyS0 quiet loglevel=5 panic=-1 oops=panic mitigations=off no_timer_check "
                     "random.trust_cpu=on tsc=reliable clearcpuid=rep_good rdinit=/init")


# How often a machine is started that does not come to its command: on a busy host an emulated processor is
# late for the calibration of its timers, and a kernel without a PM timer may then wait for ever. Nothing of
# the command has been done by then. The first start has a part of the time only: that is enough on all but the busiest
# hosts, and what hangs is noticed the sooner.
BOOT_ATTEMPTS = 4
FIRST_BOOT_SHARE = 1 / 3


class Stopped(Exception):
    """The run ends here with this exit status."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class NotBooted(Stopped):
    """The command was not reached: in time, or at all."""


class Machine:
    """`run()` boots, passes output on, and returns the status of the command."""

    def __init__(self, kernel, options, initrd, console):
        self.kernel = kernel
        self.options = options
        self.console = console
        self._files = []  # kept open as long as qemu runs
        self._drives = []
        self._initrd = self._temporary(initrd)
        self.restarted = False  # the log tells why
        self._qemu = None
        self._status = None
        self._failure = None
        self._buffer = bytearray()
        self._done = False
        self._deadline = None

    def add_disk(self, serial, file, keep=False):
        """A disk known to the guest by `serial`. What is written to it is lost unless `keep`."""
        self._files.append(file)
        self._drives.append((serial, f"/dev/fd/{file.fileno()}", keep))

    def add_scratch_disk(self, serial, data=None):
        """A disk that lives as long as this object: given contents, or empty and kept for reading."""
        file = tempfile.TemporaryFile(prefix="vm-")
        if data:
            data(file)
            size = file.seek(0, os.SEEK_END)
            file.truncate(-(-size // 4096) * 4096)
        else:
            file.truncate(GET_DISK_BYTES)
        file.flush()
        self.add_disk(serial, file, keep=data is None)
        return file

    def run(self):
        for attempt in range(1, BOOT_ATTEMPTS + 1):
            try:
                self._run_once(attempt)
                break
            except NotBooted as stop:
                if attempt == BOOT_ATTEMPTS:
                    raise
                say(f"{stop}; the machine is started again, its kernel less quiet")
                self._buffer.clear()
                self.console.forget_crash()
                self.restarted = True
        self.console.scan()
        if self.console.fatal:
            raise Stopped(EXIT_VM_FAILED, f"the guest kernel crashed: {self.console.fatal}")
        if self._failure:
            raise Stopped(EXIT_VM_FAILED, self._failure)
        return self._status

    def _run_once(self, attempt):
        self._begun = self._done = False
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._qemu = self._start(theirs, attempt)
            try:
                self._serve(ours, attempt)
            finally:
                self._end_qemu()

    def _temporary(self, data):
        file = tempfile.TemporaryFile(prefix="vm-initrd-")
        file.write(data)
        file.flush()
        self._files.append(file)
        return file

    def _command_line(self, port, attempt):
        opt = self.options
        loudness = [] if attempt == 1 else ["ignore_loglevel"]
        # The other machine's interrupt routing is a program in its firmware, and one that a kernel
        # several times slower gives up on.
        machine = "q35" if self.kernel.flavour == "debug" else "pc"
        argv = ["setpriv", "--pdeathsig", "KILL",  # no orphan, however we end
                "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-M", machine, "-accel", "tcg,thread=multi", "-cpu", PROCESSOR, "-no-reboot",
                "-m", f"{opt.mem}M", "-smp", str(opt.cpus), "-rtc", "base=utc",
                "-kernel", str(self.kernel.image), "-initrd", f"/dev/fd/{self._initrd.fileno()}",
                "-append", " ".join([KERNEL_PARAMETERS, *loudness, *opt.append]),
                "-chardev", f"file,id=console,path={self.console.path},append=on",
                "-serial", "chardev:console",
                "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=port,fd={port.fileno()}",
                "-device", "virtserialport,chardev=port,name=vm"]
        for serial, path, keep in self._drives:
            snapshot = "off" if keep else "on"
            argv += ["-drive", f"file={path},if=none,id={serial},format=raw,snapshot={snapshot},"
                               "cache=unsafe",
                     "-device", f"virtio-blk-pci,drive={serial},serial={serial}"]
        return argv + opt.qemu_arg

    def _start(self, port, attempt):
        argv = self._command_line(port, attempt)
        fds = [f.fileno() for f in self._files] + [port.fileno()]
        # qemu's own complaints go where the kernel's log goes.
        with open(self.console.path, "ab") as log:
            try:
                # A session of its own: Ctrl-C is for us, who then end it in order.
                return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        pass_fds=fds, start_new_session=True)
            except FileNotFoundError as error:
                raise VmError(f"{error.filename} is not installed (see scripts/install-deps)") \
                    from error

    def _end_qemu(self):
        # What is to be kept has reached the host by now: the guest has synced.
        if self._qemu.poll() is None:
            self._qemu.kill()
        self._qemu.wait()

    def _serve(self, port, attempt):
        timeout = self.options.boot_timeout * (FIRST_BOOT_SHARE if attempt == 1 else 1)
        self._set_deadline(timeout,
                           NotBooted(EXIT_VM_FAILED, f"the guest did not start the command in {timeout:g} s"))
        with selectors.DefaultSelector() as selector:
            selector.register(port, selectors.EVENT_READ)
            while not self._done:
                if selector.select(TICK_SECONDS):
                    data = port.recv(1 << 18)
                    if not data:
                        self._qemu_gone()
                    self._buffer += data
                    self._take_frames()
                self._watch()
        self._distrust_crash()
        self._take_what_is_left(port)

    def _distrust_crash(self):
        """A kernel changes its own code while it boots, and the module that makes this safe here comes later."""
        self.console.scan()
        if not self._begun and self.console.stale_breakpoint:
            raise NotBooted(EXIT_VM_FAILED, "the guest's kernel met a breakpoint that is there no more")

    def _take_what_is_left(self, port):
        """Of a machine that has crashed: its last words may have come after the console's."""
        while True:
            try:
                data = port.recv(1 << 18, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if not data:
                return
            self._buffer += data
            self._take_frames()

    def _watch(self):
        if self.console.scan():
            # Let the kernel print the rest; with panic=-1 it then ends qemu.
            try:
                self._qemu.wait(CRASH_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            self._done = True
            return
        moment, stop = self._deadline
        if not self._done and time.monotonic() > moment:
            raise stop

    def _qemu_gone(self):
        # The port closes when qemu ends, and not before.
        status = self._qemu.wait(CRASH_GRACE_SECONDS)
        if self.console.scan():
            self._done = True
        elif not self._done:
            # On a busy host an emulated machine may reset itself early in its boot, without a word.
            kind = Stopped if self._begun else NotBooted
            raise kind(EXIT_VM_FAILED, f"the machine ended by itself (qemu: {status})")

    def _set_deadline(self, seconds, stop):
        self._deadline = (time.monotonic() + seconds, stop)

    def _take_frames(self):
        """The frames of init/command.h."""
        while len(self._buffer) >= 5:
            size = int.from_bytes(self._buffer[1:5], "little")
            if len(self._buffer) < 5 + size:
                return
            kind, payload = chr(self._buffer[0]), bytes(self._buffer[5:5 + size])
            del self._buffer[:5 + size]
            self._frame(kind, payload)

    def _frame(self, kind, payload):
        if kind == "O":
            _pass_on(sys.stdout.buffer, payload)
        elif kind == "E":
            _pass_on(sys.stderr.buffer, payload)
        elif kind == "B":
            self._begun = True
            limit = self.options.timeout
            self._set_deadline(limit + TIMEOUT_GRACE_SECONDS, Stopped(
                EXIT_TIMEOUT, f"the command did not end in {limit:g} s, nor could it be killed"))
        elif kind == "T":
            say(f"the command was killed: it did not end in {self.options.timeout:g} s")
            self._status = EXIT_TIMEOUT
        elif kind == "X":
            if self._status is None:
                self._status = int(payload)
            self._set_deadline(END_GRACE_SECONDS, Stopped(
                EXIT_VM_FAILED, "the guest did not end after the command"))
        elif kind == "W":
            say(payload.decode(errors="replace"))
        elif kind == "F":
            self._failure = "in the guest: " + payload.decode(errors="replace")
        elif kind == "D":
            self._done = True
        else:
            raise Stopped(EXIT_VM_FAILED, f"the guest sent a frame of unknown kind {kind!r}")


def _pass_on(stream, data):
    stream.write(data)
    stream.flush()
