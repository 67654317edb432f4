"""Where reports meet the world: the prompt, JSON Lines, Python, the screen."""
