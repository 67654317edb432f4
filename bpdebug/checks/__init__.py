"""What is checked: one rule, a whole graph, which rule is the first wrong one."""
