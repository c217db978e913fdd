"""What may go wrong with an embedded service, in sentences for the person who runs the site."""


class ServiceTrouble(Exception):
    """A service cannot be started, reached or stopped; the text says which and why."""
