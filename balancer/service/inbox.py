"""What is read together is decided together: of each meter only the newest reading."""

from collections.abc import Sequence

from balancer.service.packets import Received


def newest(
    batch: Sequence[Received], meter_topics: frozenset[bytes]
) -> tuple[Sequence[Received], Sequence[Received]]:
    """Return what of a batch has to be decided, in the order in which it came, and what not.

    A reading that a newer one of the same topic has overtaken unread tells nothing any more;
    every other message stays. There is no queue behind this: what is not read yet waits in
    the socket, so memory stays flat and the broker learns that we are slow.

    Args:
        batch: What was received together.
        meter_topics: Topics that carry readings and nothing else.
    """
    if len(batch) == 1:
        return batch, ()
    seen: set[bytes] = set()
    kept: list[Received] = []
    overtaken: list[Received] = []
    for message in reversed(batch):
        if not message.retain and message.topic in meter_topics:
            if message.topic in seen:
                overtaken.append(message)
                continue
            seen.add(message.topic)
        kept.append(message)
    kept.reverse()
    overtaken.reverse()
    return kept, overtaken
