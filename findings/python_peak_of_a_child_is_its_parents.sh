#!/usr/bin/env bash
# Python's resource.getrusage on Linux, with NumPy 2.4.6: a new process reports the peak memory of the one that started it.
#
# Guess: ru_maxrss, "the maximum resident set size used", of a Python that subprocess has just started is its own: what is
#        measured in a child process, to have it clean, does not depend on who started it.
# Fact: the kernel keeps the largest of what a process had before and after it became another program, and before that it
#       was its parent. Started by one that once held 300 MiB, a child says more than 300 MiB, whether it makes an array of
#       100 MiB or none, and still does so when the parent has freed them. VmHWM in /proc/self/status begins anew.
# Met by: who measures peaks of memory in child processes from a script, or a test, that has loaded a model itself: small
#         peaks are all the same, and the growth from the start to the end of the child is 0.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'numpy==2.4.6'
"$folder/venv/bin/python" - <<'PY'
import platform, subprocess, sys
import numpy as np

print("Python", platform.python_version(), "numpy", np.__version__, "Linux", platform.release())
CHILD = """
import resource, sys
import numpy as np
def peaks():
    own = next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, own // 1024
start = peaks()
x = np.ones(int(sys.argv[1]) * 2**17)
print(*start, *peaks())
"""


def child(mib: int) -> list[int]:
    run = subprocess.run([sys.executable, "-c", CHILD, str(mib)], capture_output=True, text=True, check=True)
    return [int(n) for n in run.stdout.split()]


def said(when: str) -> tuple[list[int], list[int]]:
    none, some = child(0), child(100)
    print(f"{when}: a child that makes 100 MiB goes from {some[0]} to {some[2]} by ru_maxrss, {some[1]} to {some[3]} by VmHWM")
    return none, some


small = said("from a small process")[1]
assert small[2] - small[0] > 90, small
held = np.ones(300 * 2**17)
none, some = said("from one that holds 300 MiB")
assert none[2] > 300 and some[0] == some[2] > 300 and some[3] < 250, (none, some)
del held
none, some = said("when it has freed them")
assert none[2] > 300 and some[0] == some[2] > 300 and some[3] < 250, (none, some)
PY
