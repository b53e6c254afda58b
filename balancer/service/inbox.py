"""What is read together is decided together: of each meter only the newest reading."""

from collections.abc import Callable, Sequence

from balancer.service.packets import Received

MOST_PIECES = 100
"""Messages of a meter that are looked at one by one in a batch: the newest waits for them."""


def newest(
    batch: Sequence[Received],
    meter_topics: frozenset[bytes],
    whole: Callable[[Received], bool],
) -> tuple[Sequence[Received], Sequence[Received]]:
    """Return what of a batch has to be decided, in the order in which it came, and what not.

    A reading that a newer one of the same topic has overtaken unread tells nothing any more;
    every other message stays, also one that tells less than those before it: rubbish, or one
    phase of three. There is no queue behind this: what is not read yet waits in the socket, so
    memory stays flat and the broker learns that we are slow.

    Args:
        batch: What was received together.
        meter_topics: Topics that carry readings and nothing else.
        whole: Tells if all readings of its topic are in a message.
    """
    if len(batch) == 1:
        return batch, ()
    pieces: dict[bytes, list[Received]] = {}
    told: set[bytes] = set()  # topics of which what came before tells nothing
    kept: list[Received] = []
    overtaken: list[Received] = []
    for message in reversed(batch):
        topic = message.topic
        if not message.retain and topic in meter_topics:
            newer = pieces.setdefault(topic, [])
            if topic not in told and newer and (len(newer) == MOST_PIECES or whole(newer[-1])):
                told.add(topic)
            if topic in told:
                overtaken.append(message)
                continue
            newer.append(message)
        kept.append(message)
    kept.reverse()
    overtaken.reverse()
    return kept, overtaken
