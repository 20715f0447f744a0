#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The program of the demo: enough state to notice when some of it is lost.

    program.py COUNTER-FILE [MIB]

It holds MIB (128) of random data and the SHA-256 of each MiB of it. The main thread checks one MiB
after the other against its digest, over and over. A second thread counts: for each number it asks a
child process through a pipe, checks the answer, and writes one line to COUNTER-FILE, which it opened
once at the start:

    NUMBER CHILD'S-NUMBER MIBS-CHECKED DIGEST

where DIGEST is the SHA-256 of all the digests. The file is not opened for appending, so a file position
that is off by a byte shows. SIGTERM ends the program after one more check of everything; the
status is 0 if all was well.
"""

import hashlib
import os
import signal
import sys
import threading

CHUNK = 1 << 20
CHILD_MIB = 8
PACE = 0.05  # seconds between two numbers
SECRET = os.urandom(32)


def random_data(mib):
    data = bytearray()
    for _ in range(mib):
        data += os.urandom(CHUNK)
    return data


def digests_of(data):
    """SHA-256 of each MiB."""
    view = memoryview(data)
    return [hashlib.sha256(view[at:at + CHUNK]).digest() for at in range(0, len(data), CHUNK)]


def answer_to(number):
    return hashlib.sha256(SECRET + str(number).encode()).hexdigest()


def give_up(reason):
    print(f"program: {reason}", file=sys.stderr, flush=True)
    os._exit(1)  # from any thread


def child(requests, answers):
    """Answers each number with how many it has been asked and a hash; ends with its input."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    data = random_data(CHILD_MIB)
    before = digests_of(data)
    try:
        with os.fdopen(requests) as source, os.fdopen(answers, "w") as sink:
            for asked, line in enumerate(source, start=1):
                print(asked, answer_to(int(line)), file=sink, flush=True)
    except BrokenPipeError:  # the parent has given up, and said why
        os._exit(1)
    os._exit(0 if digests_of(data) == before else 1)


def start_child():
    """(pid, file to ask by, file to hear by)"""
    request_end, request = os.pipe()
    answer, answer_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(request)
        os.close(answer)
        child(request_end, answer_end)
    os.close(request_end)
    os.close(answer_end)
    return pid, os.fdopen(request, "w"), os.fdopen(answer)


class Program:
    def __init__(self, counter_path, mib):
        self.stop = threading.Event()
        self.checks = 0
        # Before there is a thread, and before the data, which would be the child's too.
        self.child, self.request, self.answer = start_child()
        self.data = random_data(mib)
        self.digests = digests_of(self.data)
        self.digest = hashlib.sha256(b"".join(self.digests)).hexdigest()
        self.counter = open(counter_path, "w", encoding="ascii")

    def ask(self, number):
        """How many numbers the child has been asked, by its own count."""
        try:
            print(number, file=self.request, flush=True)
            asked, _, answer = self.answer.readline().partition(" ")
        except OSError as error:
            give_up(f"the child cannot be asked: {error}")
        if answer.strip() != answer_to(number):
            give_up(f"the child's answer to {number} is wrong: {asked!r} {answer!r}")
        return asked

    def count(self):
        number = 0
        while not self.stop.wait(PACE):
            number += 1
            asked = self.ask(number)
            print(number, asked, self.checks, self.digest, file=self.counter, flush=True)

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())
        counting = threading.Thread(target=self.count)
        counting.start()
        while not self.stop.is_set():
            which = self.checks % len(self.digests)
            if digests_of(self.data[which * CHUNK:(which + 1) * CHUNK]) != [self.digests[which]]:
                give_up(f"the data has changed: MiB {which}")
            self.checks += 1
        counting.join()
        self.finish()

    def finish(self):
        if digests_of(self.data) != self.digests:
            give_up("the data has changed")
        self.request.close()
        _, status = os.waitpid(self.child, 0)
        if status != 0:
            give_up(f"the child ended with status {status:#x}")


def main():
    Program(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 128).run()


if __name__ == "__main__":
    main()
