"""Scripts (.bpd) and what scenarios expect of themselves: run, played, put to the test; and requests for files."""
