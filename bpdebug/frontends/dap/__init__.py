"""The Debug Adapter Protocol: an editor's buttons, breakpoints and panes over the session of all front ends."""
