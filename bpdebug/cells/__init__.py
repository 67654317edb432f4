"""What a cell is made of: sums of products of other cells, followed through a rule and from event to event."""
