"""parse_address: HOST:PORT, for the chief and, without loading Keras, for the command that looks for it."""


def parse_address(address):
    """(host, port) of "HOST:PORT", or None of anything else."""
    host, colon, port = str(address).rpartition(":")
    return (host, int(port)) if colon and host and port.isdigit() and int(port) < 65536 else None
