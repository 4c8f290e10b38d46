"""Settings: options and a file in, frozen dataclasses out, JSON back.

Knows no room. Each room owns a frozen dataclass whose fields are made by :func:`setting` and whose ``__post_init__``
calls :func:`validate`; a command's :class:`Configuration` has a field for each section that it needs. Keys are flat:
what ``-P learning_rate=…``, ``--learning-rate``, a YAML file and a study's ``best.yaml`` call them is the field's name.
A key that two sections of a command have (``jobs`` of a study and of its data) is one setting: a value given goes to
both, and of two defaults the first section's is shown.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from ecgml.errors import ConfigError

T = TypeVar("T")
C = TypeVar("C", bound="Configuration")


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: Collection[str] | Callable[[], Collection[str]] | None = None,
    metavar: str = "",
) -> Any:
    """Make a dataclass field that carries its own documentation and bounds.

    Parameters
    ----------
    default : object
        Immutable default.
    doc : str
        One line: unit, meaning and, where it was measured, the reason for the default.
    low, high : float, optional
        Inclusive bounds.
    above : float, optional
        Exclusive lower bound.
    choices : collection of str, or a callable that returns it, optional
        The values allowed; of a tuple field, those allowed for each item. A callable is asked when a value is checked
        or shown: what other packages add is known only then.
    metavar : str
        What stands for the value in ``--help``; by default its type or choices.
    """
    metadata = {"doc": doc, "low": low, "high": high, "above": above, "choices": choices}
    metadata["metavar"] = metavar
    return dataclasses.field(default=default, metadata=metadata)


def fields_of(section: type) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    """Return ``{name: (field, resolved type)}`` of a settings dataclass, in the order written."""
    hints = typing.get_type_hints(section)
    return {field.name: (field, hints[field.name]) for field in dataclasses.fields(section)}


def placeholder(field: dataclasses.Field[Any], hint: Any) -> str:
    """Return what stands for a setting's value in ``--help``."""
    base, _, is_tuple = _shape(hint)
    choices = _choices(field.metadata)
    names = {int: "INTEGER", float: "NUMBER", bool: "true|false", str: "TEXT"}
    word = field.metadata["metavar"] or ("|".join(choices) if choices else names[base])
    return f"{word}[,…]" if is_tuple else word


def validate(section: Any) -> None:
    """Check every field of a settings dataclass against its type, bounds and choices.

    Raises
    ------
    ConfigError
        On the first value that does not fit.
    """
    for name, (field, hint) in fields_of(type(section)).items():
        _check(name, getattr(section, name), field, hint)


def _check(name: str, value: Any, field: dataclasses.Field[Any], hint: Any) -> None:
    base, optional, is_tuple = _shape(hint)
    if value is None:
        if not optional:
            raise ConfigError(f"{name}: a value is needed")
        return
    if is_tuple and not isinstance(value, tuple):
        raise ConfigError(f"{name}: {value!r} is not a list")
    for item in value if is_tuple else (value,):
        # An int stands for a float, but True does not stand for 1.
        fits = isinstance(item, (int, float) if base is float else base) and (base is bool or item is not True)
        if not fits or (item is False and base is not bool):
            raise ConfigError(f"{name}: {item!r} is not {_article(base)}")
        _check_bounds(name, item, field.metadata)


def _check_bounds(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name}: {value} is not a finite number")
    low, high, above = metadata.get("low"), metadata.get("high"), metadata.get("above")
    if low is not None and value < low:
        raise ConfigError(f"{name}: {value} is too small, at least {low:g} is needed")
    if above is not None and value <= above:
        raise ConfigError(f"{name}: {value} is too small, more than {above:g} is needed")
    if high is not None and value > high:
        raise ConfigError(f"{name}: {value} is too large, at most {high:g} is allowed")
    choices = _choices(metadata)
    if choices and value not in choices:
        raise ConfigError(f"{name}: {value!r} is unknown{nearest(str(value), choices)}; one of {', '.join(choices)}")


def _choices(metadata: Mapping[str, Any]) -> Sequence[str]:
    choices = metadata.get("choices")
    return tuple(choices() if callable(choices) else choices or ())


def nearest(word: str, valid: Sequence[str]) -> str:
    """Return ``", did you mean 'x'?"`` for the valid word nearest to one that is not, or ``""``."""
    close = difflib.get_close_matches(word, list(valid), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """Resolved settings of a command: its class has a field for each section, a settings dataclass.

    Parameters
    ----------
    origins : mapping of str to str
        Where each value came from: ``"option"``, ``"file"`` or ``"default"``.
    """

    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def section_types(cls) -> dict[str, type]:
        """Return the settings dataclasses by the names of their sections."""
        return {name: hint for name, (_, hint) in fields_of(cls).items() if name != "origins"}

    @property
    def sections(self) -> dict[str, Any]:
        """Its sections by their names."""
        return {name: getattr(self, name) for name in self.section_types()}

    def only(self, kind: type[C]) -> C:
        """Return those of its sections that another command has."""
        return kind(**{name: getattr(self, name) for name in kind.section_types()}, origins=self.origins)

    def values(self) -> dict[str, Any]:
        """Return every setting by its flat name."""
        first_last = reversed(self.sections.values())
        return {key: value for section in first_last for key, value in dataclasses.asdict(section).items()}

    def values_of(self, names: Iterable[str]) -> dict[str, Any]:
        """Return some settings by their flat names."""
        values = self.values()
        return {name: values[name] for name in names}

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Return it with some settings changed, as if these had been given as options.

        Raises
        ------
        ConfigError
            If a key is unknown or a value does not fit.
        """
        sections = self.sections
        known = {name for section in sections.values() for name in fields_of(type(section))}
        for name in values:
            if name not in known:
                raise ConfigError(f"unknown setting {name!r}{nearest(name, sorted(known))}")
        for key, section in self.sections.items():
            hints = fields_of(type(section))
            own = {name: _coerce(name, value, hints[name][1]) for name, value in values.items() if name in hints}
            if own:
                sections[key] = dataclasses.replace(section, **own)
        return dataclasses.replace(self, **sections, origins={**self.origins, **dict.fromkeys(values, "option")})

    def to_json(self) -> dict[str, Any]:
        """Return ``{"settings": {section: {name: value}}, "origins": {name: origin}}``, ready for ``json.dump``."""
        settings = {name: to_json(section) for name, section in self.sections.items()}
        return {"settings": settings, "origins": dict(self.origins)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], where: str) -> Self:
        """Rebuild it from what :meth:`to_json` returned; arguments and errors as :func:`from_json`."""
        sections: dict[str, Any] = {
            name: from_json(section, content["settings"].get(name, {}), where)
            for name, section in cls.section_types().items()
        }
        return cls(**sections, origins=content.get("origins", {}))


def resolve(kind: type[C], options: Mapping[str, Any], file: str | Path | None = None) -> C:
    """Combine options, a YAML file and defaults, in that order of precedence.

    Parameters
    ----------
    kind : type of Configuration
        The command's.
    options : mapping
        Values by flat name, text or typed; ``None`` and ``""`` mean "not given" (MLproject renders every declared
        parameter, so its tunable ones default to the empty string).
    file : path, optional
        A YAML mapping of flat names.

    Raises
    ------
    ConfigError
        If a key is unknown (the nearest valid one is offered), a value does not parse or is out of bounds, or the file
        is missing or no mapping.
    """
    given = {key: value for key, value in options.items() if value is not None and value != ""}
    if file and not Path(file).exists():
        raise ConfigError(
            f"config: {file} does not exist; give a YAML file, or one in MLflow as runs:/<run id>/{Path(file).name}"
        )
    content = read_mapping(file, "learning_rate: 0.001") if file else {}
    filed = {key: value for key, value in content.items() if value is not None}
    sections = kind.section_types()
    known = {name for section in sections.values() for name in fields_of(section)}
    for origin, values in (("option", given), (str(file), filed)):
        for key in values:
            if key not in known:
                where = "" if origin == "option" else f"{origin}: "
                raise ConfigError(f"{where}unknown setting {key!r}{nearest(key, sorted(known))}")

    resolved, origins = {}, {}
    for section_name, section in sections.items():
        chosen = {}
        for name, (field, hint) in fields_of(section).items():
            if name in given:
                chosen[name], origins[name] = _coerce(name, given[name], hint), "option"
            elif name in filed:
                try:
                    chosen[name], origins[name] = _coerce(name, filed[name], hint), "file"
                    _check(name, chosen[name], field, hint)
                except ConfigError as error:
                    raise ConfigError(f"{file}: {error}") from None
            else:
                origins[name] = "default"
        resolved[section_name] = section(**chosen)
    return kind(**resolved, origins=origins)


def to_json(section: Any) -> dict[str, Any]:
    """Return a settings dataclass as a JSON-ready mapping (tuples become lists)."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(section)))
    return values


def from_json(section: type[T], values: Mapping[str, Any], where: str) -> T:
    """Rebuild a settings dataclass from what :func:`to_json` wrote.

    Parameters
    ----------
    section : type
        The settings dataclass.
    values : mapping
        Its fields; a field that is absent takes its default, so that older checkpoints stay readable.
    where : str
        The file it was read from, for the message.

    Raises
    ------
    ConfigError
        If a key is unknown or a value does not fit.
    """
    known = fields_of(section)
    for key in values:
        if key not in known:
            raise ConfigError(f"{where}: unknown setting {key!r}{nearest(key, list(known))}")
    return section(**{key: _coerce(key, value, known[key][1]) for key, value in values.items()})


def read_mapping(path: str | Path, example: str, *, as_text: bool = False) -> dict[str, Any]:
    """Read a YAML file that maps names to values.

    Parameters
    ----------
    path : path
    example : str
        A line that such a file could hold, for the message.
    as_text : bool
        Leave scalars as they are written: to YAML, NO is false and 2020-01-01 a date.

    Raises
    ------
    ConfigError
        If it is missing, no text, no YAML (the message names the line) or no mapping.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        content = yaml.load(text, Loader=yaml.BaseLoader if as_text else yaml.SafeLoader)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is no text in UTF-8; save it as such") from None
    except yaml.MarkedYAMLError as error:
        # What is never closed is found missing at the end, and wanted where it began.
        mark = (error.context_mark if "scanning" in (error.context or "") else None) or error.problem_mark
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: {error.problem}; write lines like '{example}'") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"{path}: is no YAML ({reason}); write lines like '{example}'") from None
    if not content:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must map names to values; write lines like '{example}'")
    return {str(key): value for key, value in content.items()}


def _shape(hint: Any) -> tuple[type, bool, bool]:
    """Return (scalar type, may be None, is a tuple) of a field's type."""
    optional = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        optional, hint = True, members[0]
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], optional, True
    return hint, optional, False


def _coerce(name: str, value: Any, hint: Any) -> Any:
    base, optional, is_tuple = _shape(hint)
    if value is None and optional:
        return None
    if is_tuple:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)):
            parts = [parts]
        parts = [part.strip() if isinstance(part, str) else part for part in parts]
        return tuple(_coerce_scalar(name, part, base) for part in parts if part != "")
    return _coerce_scalar(name, value, base)


def _coerce_scalar(name: str, value: Any, base: type) -> Any:
    text = value.strip() if isinstance(value, str) else value
    if base is str:
        return str(text)
    if base is bool:
        if isinstance(text, bool):
            return text
        lowered = str(text).lower()
        if lowered in ("true", "yes", "1", "on"):
            return True
        if lowered in ("false", "no", "0", "off"):
            return False
    elif not isinstance(text, bool):
        try:
            # int(2.7) would quietly cut; int("2.7") refuses.
            return base(text) if base is float or not isinstance(text, float) else base(str(text))
        except (TypeError, ValueError):
            pass
    raise ConfigError(f"{name}: {value!r} is not {_article(base)}")


def _article(base: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[base]
