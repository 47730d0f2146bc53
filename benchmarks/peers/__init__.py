"""Other frameworks."""


def line_up(customers, slow):
    return []


def versions():
    return {}
