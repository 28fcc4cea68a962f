#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on a trail. The attacker is root, has today's disk and the current key; the root key is kept elsewhere.

attack.py list | attack.py run NAME SOURCE TARGET | attack.py hold TARGET (keeps the lock, for the attacks named lock_*)"""
import fcntl, os, shutil, struct, sys, time

from packed import *

def main(arguments):
    if arguments[:1] == ["list"]:
        for name, (without, with_root, text, _) in ATTACKS.items():
            print(name, without, with_root, text, sep="\t")
    elif arguments[:1] == ["run"] and len(arguments) == 4 and arguments[1] in ATTACKS:
        shutil.copytree(arguments[2], arguments[3])
        trail = Trail(arguments[3])
        if ATTACKS[arguments[1]][3](trail) is not True:     # True: the attack wrote its files itself
            trail.write()
    elif arguments[:1] == ["hold"] and len(arguments) == 2:
        file = open(arguments[1] + "/lock", "r+b")
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        time.sleep(600)
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
