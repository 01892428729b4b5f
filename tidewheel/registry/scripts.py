"""The Lua scripts beside this module. Redis runs a script as one step that nothing interleaves."""

from importlib.resources import files


def text(name: str) -> str:
    """A script with what it shares with the others before it."""
    folder = files("tidewheel.registry")
    return folder.joinpath("shared.lua").read_text() + folder.joinpath(f"{name}.lua").read_text()
