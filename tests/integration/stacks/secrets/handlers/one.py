"""Does nothing."""


def handle(event: object, context: object) -> None:
    """Take an event."""
