#!/usr/bin/env bash
# msgspec 0.22.0 and NumPy 2.4.6: a numpy.float64 is no float to msgspec.
# Guess: numpy.float64 is a subclass of float, so whatever takes a float takes it: `json` writes it as one, and lax
#   conversion to float would be the identity.
# Seen: msgspec.json.encode and msgspec.to_builtins refuse it (TypeError) unless an enc_hook is given, and
#   msgspec.convert(value, float) refuses it even with strict=False, though isinstance(value, float) holds.
#   numpy.str_, a subclass of str, is refused as well.
#   Met by: a record that holds one statistic taken from an array, and not passed through float(), cannot be written.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q "msgspec==0.22.0" "numpy==2.4.6"
v/bin/python - <<'PYTHON'
import json

import msgspec
import numpy as np

one = np.float64(1.5)
print("msgspec", msgspec.__version__, "numpy", np.__version__)
assert isinstance(one, float)
assert json.dumps(one) == "1.5"


def refused(call):
    try:
        call()
    except (TypeError, msgspec.ValidationError) as error:
        print(type(error).__name__, error)
        return True
    return False


assert refused(lambda: msgspec.json.encode(one))
assert refused(lambda: msgspec.to_builtins({"norm": one}))
assert refused(lambda: msgspec.convert(one, float, strict=False))
assert refused(lambda: msgspec.json.encode(np.str_("W")))
assert msgspec.json.encode(one, enc_hook=float) == b"1.5"
PYTHON
