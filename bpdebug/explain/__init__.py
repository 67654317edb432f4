"""From a timeline to plain data: one file an explanation, each loaded when it is asked for."""
