"""Stands for cryptography, which is native: its names can be imported where a package only might use them.

PyJWT finds it missing, and goes on with what it has of its own.
"""


def __getattr__(name):
    if name == "x509":
        raise ModuleNotFoundError("No module named 'cryptography.x509'", name="cryptography.x509")
    raise AttributeError(name)
