#!/usr/bin/env bash
# dask and distributed 2026.8.0: to cancel one future takes all other futures of the client with it, finished ones too.
#
# Guess: Client.cancel of a future stops what it and what depends on it, and leaves others as they are.
# Fact: where a task that is still to run needs the future's and nobody holds a future of that task (one inside of a
#       graph that was persisted), an assertion in the scheduler fails, the connection of the client ends, and it
#       connects anew: an unrelated future, finished or not, is then cancelled (scheduler-connection-lost). With force or
#       without. Where no such task lies between, the others stay. Future.release gives the work up without this.
# Met by: who persists several arrays of one graph, and cancels those that are not wanted any more.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'dask==2026.8.0' 'distributed==2026.8.0'
cat > "$folder/show.py" <<'PY'
import time

from dask import delayed
from distributed import Client, LocalCluster, futures_of, wait


def same(x):
    return x


def after(between):
    """What becomes of a finished future when another one is cancelled, or released."""
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=60) as c:
        with Client(c) as client:
            other = client.submit(same, 1)
            wait(other)
            first = delayed(time.sleep)(2)
            last = delayed(same)(first)
            for _ in range(between):
                last = delayed(same)(last)
            one, end = client.persist([first, last])
            client.cancel(futures_of(one))
            time.sleep(1.5)
            return other.status


if __name__ == "__main__":
    import dask
    import distributed

    print("dask", dask.__version__, "distributed", distributed.__version__)
    found = {between: after(between) for between in (0, 1)}
    print("an unrelated, finished future, by the tasks between that nobody holds:", found)
    assert found == {0: "finished", 1: "cancelled"}, found
PY
"$folder/venv/bin/python" "$folder/show.py" 2> "$folder/said"
grep -q "assert ts.who_wants" "$folder/said"
echo "the scheduler said: assert ts.who_wants"
