"""One debugging session of a front end: what touches files, what survives its end, and the talk of both."""
