"""`dataclass` as the standard library has it, made in a tenth of the time.

The standard decorator writes and compiles six methods for every class, needed or not: half a millisecond each, which
for the classes of a compiler or a program is more than all that a short command does besides. This one writes
`__init__` alone, and not before a few instances have been made or somebody asks for it. The other methods are closures
over the names of the fields. Nothing here imports `dataclasses`, which itself costs as much as a bare Python start,
unless somebody asks a class for its standard fields.

It covers what this project uses: fields with defaults and factories, fields left out of `__init__`, comparison or
`repr`, `__post_init__`, inheritance; always with slots. For type checkers all names are those of `dataclasses`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import MISSING, dataclass, field, fields, replace
    from dataclasses import is_dataclass as is_record
else:
    import operator
    import sys
    from functools import partial

    MISSING = object()
    _UNWRITTEN = 16
    """So many instances are made before `__init__` is written: many classes have no more in a short command."""
    _set = object.__setattr__

    class Field:
        """One field. `default` and `default_factory` are `MISSING` where there is none."""

        __slots__ = ("compare", "default", "default_factory", "init", "name", "repr", "type")

        def __init__(self, default, default_factory, init, repr, compare):
            self.name = ""
            self.type = None
            self.default = default
            self.default_factory = default_factory
            self.init = init
            self.repr = repr
            self.compare = compare

        def required(self):
            return self.default is MISSING and self.default_factory is MISSING

    def field(*, default=MISSING, default_factory=MISSING, init=True, repr=True, compare=True):
        return Field(default, default_factory, init, repr, compare)

    def fields(class_or_instance):
        """The fields in order; of an instance those of its class."""
        return tuple(class_or_instance.__fields__.values())

    def is_record(class_or_instance):
        return hasattr(class_or_instance, "__fields__")

    def replace(instance, /, **changes):
        cls = instance.__class__
        values = [*cls.__values__(instance)]
        places = cls.__init_names__
        for name, value in changes.items():
            if name not in places:
                raise TypeError(f"{cls.__qualname__} is not made with a {name!r}")
            values[places[name]] = value
        return cls(*values)

    def dataclass(*, frozen=False, slots=False, eq=True, order=False):
        if not slots:
            raise TypeError("a record has slots: dataclass(slots=True, …)")

        def make(cls):
            return _make(cls, frozen, eq, order)

        return make

    def _make(cls, frozen, eq, order):
        namespace = dict(cls.__dict__)
        found = {}
        for base in cls.__mro__[-2:0:-1]:
            found.update(base.__dict__.get("__fields__", ()))
        own = _own_fields(cls, namespace)
        slots = tuple([name for name in own if name not in found])
        found.update(own)
        for name in ("__dict__", "__weakref__"):
            namespace.pop(name, None)
        compared = [each.name for each in found.values() if each.compare]
        key = operator.attrgetter(*compared) if compared else _nothing
        methods = {
            "__init__": _Init(),
            "__repr__": _repr,
            "__dataclass_fields__": _STANDARD_FIELDS,
            "__dataclass_params__": _STANDARD_PARAMS,
        }
        if eq:
            methods["__eq__"] = _comparison(key, "__eq__")
            methods["__hash__"] = _hash(key) if frozen else None
        if order:
            for name in ("__lt__", "__le__", "__gt__", "__ge__"):
                methods[name] = _comparison(key, name)
        if frozen:
            methods |= {"__getstate__": _state, "__setstate__": _set_state}
            methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
        taken = [each for each in found.values() if each.init]
        names = tuple([each.name for each in taken])
        needed = [each.required() for each in taken]
        if needed != sorted(needed, reverse=True):
            raise TypeError(f"a field of {cls.__qualname__} has no default but follows one that has")
        methods |= namespace
        methods["__slots__"] = slots
        methods["__fields__"] = found
        methods["__frozen__"] = frozen
        methods["__match_args__"] = names
        methods["__init_names__"] = {name: place for place, name in enumerate(names)}
        methods["__values__"] = staticmethod(_reads(names))
        made = type(cls)(cls.__name__, cls.__bases__, methods)
        made.__qualname__ = cls.__qualname__
        return made

    def _own_fields(cls, namespace):
        """The fields that the class itself declares; their defaults are taken out of its namespace."""
        own = {}
        for name, annotation in namespace.get("__annotations__", {}).items():
            if "ClassVar" in str(annotation):
                continue
            default = namespace.pop(name, MISSING)
            made = default if isinstance(default, Field) else Field(default, MISSING, True, True, True)
            if isinstance(made.default, list | dict | set):
                raise ValueError(f"{cls.__qualname__}.{name} has a mutable default: use a default_factory")
            made.name, made.type = name, annotation
            own[name] = made
        return own

    class _Init:
        """Stands for `__init__`: makes the first instances itself, and then, or when somebody asks, has it written."""

        __slots__ = ("left",)

        def __init__(self):
            self.left = _UNWRITTEN

        def __get__(self, instance, owner):
            if instance is not None and self.left and owner.__dict__.get("__init__") is self:
                self.left -= 1
                return partial(_init, instance)
            for cls in owner.__mro__:
                if cls.__dict__.get("__init__") is self:
                    cls.__init__ = _write_init(cls)
            return owner.__init__ if instance is None else owner.__init__.__get__(instance, owner)

    def _init(self, /, *args, **named):
        """What the `__init__` of the class would do, worked out from its fields."""
        cls = type(self)
        values = dict(zip(cls.__match_args__, args, strict=False))
        unknown = not named.keys() <= cls.__init_names__.keys()
        if unknown or len(values) < len(args) or not values.keys().isdisjoint(named):
            return _write_init(cls)(self, *args, **named)  # which tells what is wrong
        values.update(named)
        for each in cls.__fields__.values():
            name = each.name
            if name in values:
                value = values[name]
            elif each.default is not MISSING:
                value = each.default
            elif each.default_factory is not MISSING:
                value = each.default_factory()
            elif each.init:
                return _write_init(cls)(self, *args, **named)
            else:
                continue
            _set(self, name, value)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()
        return None

    def _write_init(cls):
        values = {"_FACTORY": MISSING}
        parameters, lines, annotations = [], [], {}
        for each in cls.__fields__.values():
            name = each.name
            value = name
            if each.init:
                annotations[name] = each.type
                if each.default_factory is not MISSING:
                    values[f"_factory_{name}"] = each.default_factory
                    parameters.append(f"{name}=_FACTORY")
                    value = f"_factory_{name}() if {name} is _FACTORY else {name}"
                elif each.default is not MISSING:
                    values[f"_default_{name}"] = each.default
                    parameters.append(f"{name}=_default_{name}")
                else:
                    parameters.append(name)
            elif each.required():
                continue
            elif each.default is not MISSING:
                values[f"_default_{name}"] = each.default
                value = f"_default_{name}"
            else:
                values[f"_factory_{name}"] = each.default_factory
                value = f"_factory_{name}()"
            if cls.__frozen__:
                values[f"_set_{name}"] = getattr(cls, name).__set__
                lines.append(f"_set_{name}(self, {value})")
            else:
                lines.append(f"self.{name} = {value}")
        if hasattr(cls, "__post_init__"):
            lines.append("self.__post_init__()")
        body = "".join(f"  {line}\n" for line in lines or ["pass"])
        text = (
            f"def _write({', '.join(values)}):\n"
            f" def __init__({', '.join(['self', *parameters])}):\n{body}"
            f" return __init__\n"
        )
        made = {}
        exec(text, sys.modules[cls.__module__].__dict__, made)  # noqa: S102 - as the standard library does
        init = made["_write"](**values)
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        init.__annotations__ = {**annotations, "return": None}
        return init

    def _nothing(_instance):
        return ()

    def _reads(names):
        """Reads the values of those names, as a tuple."""
        if len(names) > 1:
            return operator.attrgetter(*names)
        return lambda instance: tuple([getattr(instance, name) for name in names])

    def _comparison(key, name):
        compared = getattr(operator, name)

        def compare(self, other):
            return compared(key(self), key(other)) if other.__class__ is self.__class__ else NotImplemented

        return compare

    def _hash(key):
        def hashed(self):
            return hash(key(self))

        return hashed

    def _repr(self):
        shown = (f"{each.name}={getattr(self, each.name)!r}" for each in self.__fields__.values() if each.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def _state(self):
        return [getattr(self, name) for name in self.__fields__]

    def _set_state(self, state):
        for name, value in zip(self.__fields__, state, strict=True):
            _set(self, name, value)

    def _refuse_to_set(_self, name, _value):
        from dataclasses import FrozenInstanceError  # noqa: PLC0415

        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(_self, name):
        from dataclasses import FrozenInstanceError  # noqa: PLC0415

        raise FrozenInstanceError(f"cannot delete field {name!r}")

    class _Standard:
        """What `dataclasses` would know of the class: made from a dataclass like it when somebody asks."""

        def __init__(self, name):
            self._name = name

        def __get__(self, instance, owner):
            import dataclasses  # noqa: PLC0415

            for cls in owner.__mro__:
                if cls.__dict__.get(self._name) is not self:
                    continue
                like = {"__annotations__": {}, "__module__": cls.__module__}
                for each in cls.__fields__.values():
                    like["__annotations__"][each.name] = each.type
                    defaults = {
                        key: value
                        for key, value in (("default", each.default), ("default_factory", each.default_factory))
                        if value is not MISSING
                    }
                    like[each.name] = dataclasses.field(
                        init=each.init, repr=each.repr, compare=each.compare, **defaults
                    )
                made = dataclasses.dataclass(frozen=cls.__frozen__)(type(cls.__name__, (), like))
                cls.__dataclass_fields__ = made.__dataclass_fields__
                cls.__dataclass_params__ = made.__dataclass_params__
            return getattr(owner, self._name)

    _STANDARD_FIELDS = _Standard("__dataclass_fields__")
    _STANDARD_PARAMS = _Standard("__dataclass_params__")


__all__ = ["MISSING", "dataclass", "field", "fields", "is_record", "replace"]
