"""A property that is computed when it is first asked for, and kept; for what several threads may ask for.

`functools.cached_property` of Python 3.11 holds one lock while it computes, the same for all instances of a class, so
that threads wait for each other's. https://docs.python.org/3/library/functools.html#functools.cached_property
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class computed(Generic[Value]):  # noqa: N801
    """Decorates a method that gives a value; threads that ask at once may each compute it, and all get the same one."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute, self._name = compute, compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "computed[Value]": ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> "computed[Value] | Value":
        if instance is None:
            return self
        value: Value = vars(instance).setdefault(self._name, self._compute(instance))  # found there from now on
        return value
