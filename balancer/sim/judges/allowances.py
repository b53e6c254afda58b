"""What more than one judge allows the balancer: times of the rules, and rounding."""

EDGE_W = 2.0  # rounding of payloads
EDGE_S = 0.01  # rounding of instants
SETTLE_START_S = 5.0  # after a start, relays of which nothing is known get OFF (R15)
BLIND_GRACE_S = 0.5  # from blindness to the last OFF (R13)
PLACES = 4  # unconfirmed commands that a bridge may have (R11)
PLACES_S = 0.5  # a place on a bridge frees after so long (R11)
IN_FLIGHT_S = 30.0  # longest that an OFF may go on counting as relief while it is unconfirmed
