"""The engines that can count the line items: one small module each, behind one Protocol."""

from importlib import import_module

from storage.engines.engine import NEVER_RUN, Chosen, Engine


def engine_of(chosen: Chosen) -> Engine:
    """The engine that the settings name. Nothing is entered before the first question."""
    if chosen.name in NEVER_RUN:
        from storage.engines.compiled import Compiled

        return Compiled(chosen.name)
    engine: Engine = import_module(f"storage.engines.{chosen.name}").engine(chosen.address)
    return engine
