"""What the balancer shows: pure projections of a snapshot."""
