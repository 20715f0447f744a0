#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs a command in a virtual machine that has a kernel of our choice.

  vm.py prepare [--kernel stock|6.12|rmfork|debug|all]
  vm.py run [--kernel ...] [options] -- COMMAND [ARGUMENT...]

The exit status of `run` is the command's own (128+N if signal N ended it), or
  124  the command was still running after --timeout
  125  the virtual machine failed: it did not boot, the guest kernel crashed, a file could not be moved
  130  interrupted
See test/vm/README.adoc.
"""

import argparse
import os
import signal
import sys

from vmlib import initrd, kernel, machine, module, rootfs, transfer, treeimage
from vmlib.cache import Cache
from vmlib.common import GUEST_PROJECT, VmError, build_dir, say
from vmlib.console import Console

EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 128 + signal.SIGPIPE


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="vm.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    prepare_verb = verbs.add_parser("prepare", help="make the kernels and the root file system")
    prepare_verb.add_argument("--kernel", choices=[*kernel.FLAVOURS, "all"], default="all",
                              help="all: stock, 6.12 and rmfork (the default)")
    run_verb = verbs.add_parser("run", help="boot and run one command")
    run_verb.add_argument("--kernel", choices=kernel.FLAVOURS, default="rmfork")
    run_verb.add_argument("--mem", type=int, default=2048, metavar="MIB")
    run_verb.add_argument("--cpus", type=int, default=2, metavar="N")
    run_verb.add_argument("--timeout", type=float, default=600, metavar="SEC",
                          help="for the command, from its start (default: 600)")
    run_verb.add_argument("--boot-timeout", type=float, default=180, metavar="SEC")
    run_verb.add_argument("--module-args", default="", metavar="ARGS",
                          help="parameters of rmfork.ko, for instance 'ubmem_mb=512'")
    run_verb.add_argument("--no-module", action="store_true", help="do not load rmfork.ko")
    run_verb.add_argument("--put", action="append", default=[], metavar="HERE:GUEST",
                          help="copy a file or directory into the guest before the command")
    run_verb.add_argument("--get", action="append", default=[], metavar="GUEST:HERE",
                          help="copy a file or directory out of the guest after the command")
    run_verb.add_argument("--append", action="append", default=[], metavar="PARAMETER",
                          help="add to the kernel's command line")
    run_verb.add_argument("--qemu-arg", action="append", default=[], metavar="ARG",
                          help="add to qemu's command line")
    run_verb.add_argument("--keep-log", action="store_true",
                          help="keep the kernel's log even if all went well, and say where it is")
    run_verb.add_argument("command", nargs="+", metavar="COMMAND")
    return parser.parse_args(argv)


def prepare(flavours):
    cache = Cache()
    initrd.init_program(cache)
    rootfs.root_image(cache)
    for flavour in flavours:
        guest_kernel = kernel.guest_kernel(cache, flavour)
        module.retry_module(guest_kernel)
        if not module.build_module(guest_kernel):
            say(f"{flavour}: there is no rmfork/kernel, so no module is built")
    return 0


def guest_configuration(options, guest_kernel, with_module, gets):
    """The records of init/config.h."""
    records = [("project", GUEST_PROJECT), ("hostname", "vm"), ("flavour", guest_kernel.flavour),
               ("timeout-ms", str(int(options.timeout * 1000)))]
    if guest_kernel.modules_image:
        records.append(("modules", "1"))
    if options.put:
        records.append(("put", "1"))
    if with_module:
        records.append(("insmod", "build/" + module.module_path(guest_kernel.flavour)))
        records.append(("insmod-args", options.module_args))
    records += [("get", guest) for guest, _ in gets]
    records += [("arg", arg) for arg in options.command]
    return records


def run(options):
    puts = [transfer.parse_pair(text, "--put") for text in options.put]
    gets = [transfer.parse_pair(text, "--get") for text in options.get]
    for path in [guest for _, guest in puts]:
        transfer.check_guest_path(path, "--put")
    for path in [guest for guest, _ in gets]:
        transfer.check_guest_path(path, "--get")

    cache = Cache()
    guest_kernel = kernel.guest_kernel(cache, options.kernel)
    with_module = not options.no_module and module.build_module(guest_kernel)
    if options.module_args and not with_module:
        raise VmError("--module-args: there is no module to give them to")
    config = guest_configuration(options, guest_kernel, with_module, gets)
    archive = initrd.make(cache, [*guest_kernel.boot_modules, module.retry_module(guest_kernel)], config)

    console = Console(build_dir() / "vm/logs", options.kernel)
    vm = machine.Machine(guest_kernel, options, archive, console)
    vm.add_disk("root", open(rootfs.root_image(cache), "rb"))
    vm.add_disk("tree", treeimage.tree_image())
    if guest_kernel.modules_image:
        vm.add_disk("modules", open(guest_kernel.modules_image, "rb"))
    if puts:
        vm.add_scratch_disk("put", transfer.pack(puts))
    results = vm.add_scratch_disk("get") if gets else None
    return boot(vm, console, options, results, gets)


def boot(vm, console, options, results, gets):
    log_is_wanted = options.keep_log
    try:
        status = vm.run()
        log_is_wanted |= vm.restarted
        if results:
            transfer.unpack(results, gets)
        if console.notable:
            log_is_wanted = True
            say(f"the guest kernel warns: {console.notable}")
    except machine.Stopped as stop:
        log_is_wanted = True
        status = stop.status
        say(str(stop))
        if status == machine.EXIT_VM_FAILED:
            say(f"the end of the kernel's log:\n{console.tail()}")
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
        say("interrupted")
    except BrokenPipeError:
        # Nobody reads our output any more. What is still buffered must not complain at exit.
        status = EXIT_PIPE_CLOSED
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if log_is_wanted:
        say(f"the kernel's log is in {console.path}")
    else:
        console.discard()
    return status


def on_signal(number, _frame):
    raise KeyboardInterrupt(number)


def main():
    options = parse_arguments(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        if options.verb == "prepare":
            return prepare(["stock", "6.12", "rmfork"] if options.kernel == "all" else [options.kernel])
        return run(options)
    except VmError as error:
        say(str(error))
        return machine.EXIT_VM_FAILED
    except KeyboardInterrupt:
        say("interrupted")
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
