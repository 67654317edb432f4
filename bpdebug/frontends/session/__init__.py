"""One debugging session of a front end: its talk, and what survives its end."""
