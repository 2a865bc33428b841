"""The one exception a user is meant to read."""


class InputError(ValueError):
    """Something the user gave is wrong; the message says which file, which row, what, and what to do."""
