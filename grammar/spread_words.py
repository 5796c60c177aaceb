"""Writes the words of the language, which `ppd/words.py` holds, into the grammars of the editors.

usage: python grammar/spread_words.py

To be run after a change of `ppd/words.py`; `tests/editors/test_words.py` fails until it has been. It leaves all else in
the grammars as it is: in the TextMate grammar it fills the rules `words-…`, in the others what follows a line
`words:…` up to the next blank line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ppd import words

HERE: Final = Path(__file__).parent
TEXTMATE: Final = HERE / "vscode/syntaxes/ppd.tmLanguage.json"
VIM: Final = HERE / "vim/syntax/ppd.vim"

_NO_NAME: Final = r"\b(?![ \t]*=(?!=))(?![ \t]+as\b)"
"""After a reserved word that is no name: `f(group = 1)` and `import group as g` name what they like."""
_VIM_OR: Final = r"\|"
_ASSIGNED: Final = r"\b(?=[ \t]*=(?!=))"


def spread() -> dict[Path, str]:
    """What each grammar is to hold."""
    return {
        TEXTMATE: _textmate(TEXTMATE.read_text(encoding="utf-8")),
        VIM: _sections(VIM.read_text(encoding="utf-8"), _vim_keywords()),
    }


def _textmate(text: str) -> str:
    grammar = json.loads(text)
    for name, rule in _textmate_rules().items():
        grammar["repository"][f"words-{name}"] = rule
    return json.dumps(grammar, indent=2, ensure_ascii=False) + "\n"


def _textmate_rules() -> dict[str, dict[str, object]]:
    imports = {"from", "import", "include"}
    one_word = {
        "match": rf"\b({_either(words.SETTING_WORDS)})\s*(=)\s*({_either(_setting_words())})\b",
        "captures": {
            "1": {"name": "support.type.property-name.ppd"},
            "2": {"name": "keyword.operator.ppd"},
            "3": {"name": "constant.other.word.ppd"},
        },
    }
    keywords = [
        _rule(_either(imports) + _NO_NAME, "keyword.control.import.ppd"),
        _rule(_either((words.DECLARATIONS - imports) | words.CLAUSES) + _NO_NAME, "keyword.declaration.ppd"),
    ]
    return {
        "operators": _rule(_either(words.OPERATORS) + _NO_NAME, "keyword.operator.word.ppd"),
        "constants": _rule(_either(words.CONSTANTS) + _NO_NAME, "constant.language.ppd"),
        "keywords": {"patterns": keywords},
        "setting-words": one_word,
        "alerts": _rule(_either(words.SETTING_WORDS["alert_on"]) + r"\b", "constant.other.word.ppd"),
        "settings": _rule(_either(words.SETTINGS) + _ASSIGNED, "support.type.property-name.ppd"),
        "types": _rule(rf"(?<=:|:\s){_either(words.TYPES)}\b", "support.type.ppd"),
        "built-ins": _rule(_either(words.BUILT_INS) + r"\b(?=[ \t]*\()", "support.function.builtin.ppd"),
        "scopes": _rule(_either(words.SCOPES) + r"\b(?=\s*[.(])", "variable.language.ppd"),
    }


def _rule(pattern: str, scope: str) -> dict[str, object]:
    match = pattern if pattern.startswith("(?<") else rf"\b{pattern}"
    return {"match": match, "name": scope}


def _either(names: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(names))})"


def _setting_words() -> frozenset[str]:
    return frozenset[str]().union(*words.SETTING_WORDS.values()) - words.CONSTANTS


def _vim_keywords() -> dict[str, str]:
    def matches(group: str, names: Iterable[str], before: str = r"\<", after: str = r"\>") -> str:
        return rf"syn match {group} /{before}{either(names)}{after}/"

    def either(names: Iterable[str]) -> str:
        return rf"\%({_VIM_OR.join(sorted(names))}\)"

    no_name = r"\>\%([ \t]*=\%([^=]\|$\)\)\@!\%([ \t]\+as\>\)\@!"
    return {
        "reserved": "\n".join(
            [
                matches("ppdOperatorWord", words.OPERATORS, after=no_name),
                matches("ppdConstant", words.CONSTANTS, after=no_name),
                matches("ppdKeyword", words.DECLARATIONS | words.CLAUSES, after=no_name),
            ]
        ),
        "names": "\n".join(
            [
                matches("ppdBuiltIn", words.BUILT_INS, after=r"\>\ze[ \t]*("),
                matches("ppdScope", words.SCOPES, after=r"\>\ze\s*[.(]"),
                matches("ppdType", words.TYPES, before=r"\%(:\s*\)\@9<=\<"),
                matches("ppdSetting", words.SETTINGS, after=r"\>\ze[ \t]*=\%([^=]\|$\)"),
                matches(
                    "ppdWord",
                    _setting_words(),
                    before=rf"\%(\<{either(words.SETTING_WORDS)}\s*=\s*\)\@24<=\<",
                ),
            ]
        ),
    }


def _sections(text: str, contents: Mapping[str, str]) -> str:
    for name, content in contents.items():
        pattern = rf"^(\S+ words:{name})\n(?:\S.*\n|[ \t]+\S.*\n)*"
        text, found = re.subn(
            pattern, lambda match, content=content: f"{match[1]}\n{content}\n", text, flags=re.MULTILINE
        )
        assert found == 1, name
    return text


if __name__ == "__main__":
    for path, text in spread().items():
        path.write_text(text, encoding="utf-8")
