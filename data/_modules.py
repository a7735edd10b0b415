"""Tables of a package's modules, found in its folder: a newcomer is in the table as soon as its file is there."""

import importlib
import pkgutil
from types import ModuleType


def declaring(package: str, name: str) -> dict[str, ModuleType]:
    """The modules of a package that declare the constant `name`, by the modules' names in alphabetical order.

    Files with a leading underscore are private and are not looked at.
    """
    folder = importlib.import_module(package).__path__
    names = sorted(info.name for info in pkgutil.iter_modules(folder) if not info.name.startswith("_"))
    modules = {module: importlib.import_module(f"{package}.{module}") for module in names}
    return {module: content for module, content in modules.items() if name in vars(content)}
