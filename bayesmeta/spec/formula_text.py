"""The grammar of formulas: names of columns, operators and a fixed set of functions, read without running anything."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial

from bayesmeta.errors import SpecificationError, did_you_mean
from bayesmeta.spec.formula_functions import ARGUMENTS, CODINGS, FUNCTIONS, LARGEST_DEGREE, LARGEST_NUMBER, SMALL
from bayesmeta.spec.formula_terms import Terms, combined, product
from bayesmeta.spec.formula_tokens import RejectedError, Token, tokens_of

LONGEST, DEEPEST, LARGEST_POWER = 2000, 20, 10
_OPERATORS = {"+": 1, "-": 1, "*": 2, "/": 2, "%in%": 2, ":": 3, "**": 4, "^": 4}
_ARITHMETIC = {"<": 1, "<=": 1, ">": 1, ">=": 1, "==": 1, "!=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "**": 5}
_UNARY = 4


@dataclass(frozen=True, slots=True)
class Factor:
    """A column, or a function of columns, as the formula has it.

    Attributes
    ----------
    text : str
        What is handed on.
    columns : tuple of str
        Names of the columns that it uses.
    variable : str
        The column, where it is one or its categories; else `text`.
    categories : bool
        Whether it is ``C(...)``.
    functions : tuple of str
        Functions that it calls.
    """

    text: str
    columns: tuple[str, ...]
    variable: str
    categories: bool = False
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormulaText:
    """A formula that has been read: what is handed on, and the columns that it names, each once."""

    text: str
    factors: tuple[Factor, ...]
    terms: Terms

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in alphabetical order."""
        return sorted({name for factor in self.factors for name in factor.columns})


@lru_cache(maxsize=256)
def read_formula(text: str) -> FormulaText:
    """Read the right-hand side of a formula, or reject what is not part of one.

    Raises
    ------
    SpecificationError
        If it holds anything but names of columns, numbers, levels, operators and listed functions, or is too large.

    Examples
    --------
    >>> read_formula("1 + C(pain_class) + log(dose):`mg/kg`").columns
    ['dose', 'mg/kg', 'pain_class']
    """
    text = text.strip().removeprefix("~")  # as in R
    if len(text) > LONGEST:
        raise SpecificationError(f"formula of {len(text)} characters: at most {LONGEST} are read.")
    try:
        return _Reader(text).formula()
    except RejectedError as error:
        raise SpecificationError(f"formula {text!r} cannot be read: {error}") from None


@dataclass(slots=True)
class _Reader:
    """One pass over the tokens; formulas and arithmetic have their own operators."""

    source: str
    tokens: list[Token] = field(default_factory=list)
    place: int = 0
    depth: int = 0
    factors: dict[str, Factor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = list(tokens_of(self.source))

    def formula(self) -> FormulaText:
        text, terms = self._sum(1)
        if self._sign() is not None or self.place < len(self.tokens):
            token = self.tokens[self.place]
            words = " A name of several words stands in backticks: `risk of bias`." if token.kind == "name" else ""
            raise RejectedError(f"{token.text!r} is not expected there.{words}")
        return FormulaText(text, tuple(self.factors.values()), terms)

    # formulas: text that is handed on, and the terms that it stands for

    def _sum(self, least: int) -> tuple[str, Terms]:
        text, terms = self._signed()
        while (sign := self._sign()) in _OPERATORS and _OPERATORS[sign] >= least:
            self.place += 1
            if sign in ("**", "^"):
                power = self._power()
                if len(terms) == 1 and power > 1:
                    raise RejectedError(f"{text}**{power}: a power of one term is that term. Write I({text}**{power}).")
                text, terms = f"{text}**{power}", product(*[terms] * power)
                continue
            right, more = self._deeper(partial(self._sum, _OPERATORS[sign] + 1))
            if sign not in ("+", "-") and {text, right} & {"0", "1", "-1"}:
                raise RejectedError(f"0 and 1 stand alone, as in '0 + x'; got {text} {sign} {right}.")
            text, terms = f"{text} {sign} {right}", combined(sign, terms, more)
        return text, terms

    def _signed(self) -> tuple[str, Terms]:
        sign = self._sign()
        if sign not in ("+", "-"):
            return self._operand()
        self.place += 1
        text, terms = self._deeper(self._signed)
        if sign == "-" and text != "1":
            raise RejectedError(
                f"-{text} at the start takes a term away that is not there; -1 leaves out the intercept."
            )
        return ("-1", ()) if sign == "-" else (text, terms)

    def _operand(self) -> tuple[str, Terms]:
        token = self._next()
        if token.kind == "number":
            if token.text not in ("0", "1"):
                raise RejectedError(
                    f"the number {token.text}: only 0 and 1, without and with an intercept. In I(...) any may stand."
                )
            return token.text, (frozenset(),) if token.text == "1" else ()
        if token.text == "(" and token.kind == "sign":
            text, terms = self._deeper(lambda: self._sum(1))
            self._expect(")")
            return f"({text})", terms
        if token.kind == "quoted":
            return self._factor(Factor(f"`{token.text}`", (token.text,), token.text))
        if token.kind == "name":
            if self._sign() == "(":
                return self._factor(self._deeper(lambda: self._call(token.text)))
            return self._factor(Factor(_column(token.text), (token.text,), token.text))
        inner = token.text.strip("\"'")
        hint = f"a column stands in backticks, `{inner}`, text inside C(...)"
        fault = hint if token.kind == "text" else "a column should stand there"
        raise RejectedError(f"{token.text!r}: {fault}.")

    def _factor(self, factor: Factor) -> tuple[str, Terms]:
        self.factors[factor.text] = factor
        return factor.text, (frozenset({factor.text}),)

    def _power(self) -> int:
        token = self._next()
        if token.kind != "number" or not token.text.isdecimal() or not 1 <= int(token.text) <= LARGEST_POWER:
            raise RejectedError(
                f"** {token.text}: a power of terms is a whole number from 1 to {LARGEST_POWER}. Write I(x**2) for a square."
            )
        return int(token.text)

    # calls: what is inside is arithmetic with columns

    def _call(self, name: str) -> Factor:
        if name not in FUNCTIONS:
            raise RejectedError(
                f"{name}(...) is not one of its functions.{did_you_mean(name, FUNCTIONS)} Functions: {', '.join(FUNCTIONS)}."
            )
        self._expect("(")
        first, columns, functions = self._arithmetic(1)
        if not columns:
            raise RejectedError(f"{name}({first}): name a column in it.")
        if name == "C" and (len(columns) > 1 or functions or first.strip("`") != columns[0]):
            raise RejectedError(f"C({first}): give one column.")
        parts = [first, *self._options(name)]
        text = f"{name}({', '.join(parts)})"
        variable = columns[0] if name == "C" else text
        return Factor(text, tuple(dict.fromkeys(columns)), variable, name == "C", (name, *functions))

    def _options(self, name: str) -> Iterator[str]:
        """What follows the first argument, up to the closing bracket: numbers, levels and options by their names."""
        while self._sign() == ",":
            self.place += 1
            token = self._peek()
            if token is not None and token.kind == "name" and self._sign(1) == "=":
                if token.text not in ARGUMENTS[name]:
                    allowed = ", ".join(ARGUMENTS[name]) or "none"
                    raise RejectedError(f"{name}() has no option {token.text!r}. Options: {allowed}.")
                self.place += 2
                yield f"{token.text}={self._option(name, token.text)}"
            elif not ARGUMENTS[name]:
                raise RejectedError(f"{name}() takes one argument.")
            else:
                yield self._option(name, "df or degree" if name != "C" else "contrasts")
        self._expect(")")

    def _option(self, name: str, option: str) -> str:
        value = self._literal(name)
        if option in SMALL and value.lstrip("-")[0].isdecimal() and not 0 <= float(value) <= LARGEST_DEGREE:
            raise RejectedError(f"{name}(..., {option}={value}): it must lie between 0 and {LARGEST_DEGREE}.")
        return value

    def _literal(self, name: str) -> str:
        """A number, a level, a list of them, True, False, None, or inside C the coding of categories."""
        token = self._next()
        if token.kind == "text":
            return repr(token.text[1:-1])
        if token.kind == "sign" and token.text == "-":
            return f"-{self._number(self._next())}"
        if token.kind == "number":
            return self._number(token)
        if token.kind == "sign" and token.text == "[":
            return f"[{', '.join(self._list(name))}]"
        if token.kind == "name" and token.text in ("True", "False", "None"):
            return token.text
        if token.kind == "name" and name == "C" and token.text in CODINGS:
            return token.text + (self._coding() if self._sign() == "(" else "")
        if token.kind == "name" and name in ("bs", "cr", "cc", "cs"):
            raise RejectedError(f"{name}(..., {token.text}): give a number, a text or a list.")
        raise RejectedError(f"{name}(..., {token.text}): give a number, a level in quotes or a list of them.")

    def _list(self, name: str) -> Iterator[str]:
        while self._sign() != "]":
            yield self._deeper(lambda: self._literal(name))
            if self._sign() != ",":
                break
            self.place += 1
        self._expect("]")

    def _coding(self) -> str:
        """The arguments of Treatment("level") and its like."""
        self._expect("(")
        given = []
        while self._sign() != ")":
            token = self._peek()
            named = ""
            if token is not None and token.kind == "name" and self._sign(1) == "=":
                if token.text not in ("base", "reference", "scores", "backward", "reversed", "forward", "scale"):
                    raise RejectedError(f"no option {token.text!r} of a coding.")
                named = f"{token.text}="
                self.place += 2
            given.append(named + self._deeper(lambda: self._literal("")))
            if self._sign() != ",":
                break
            self.place += 1
        self._expect(")")
        return f"({', '.join(given)})"

    def _number(self, token: Token) -> str:
        if token.kind != "number" or float(token.text) > LARGEST_NUMBER:
            raise RejectedError(f"{token.text}: give a number of at most {LARGEST_NUMBER}.")
        return token.text

    def _arithmetic(self, least: int) -> tuple[str, list[str], list[str]]:
        text, columns, functions = self._arithmetic_operand()
        while (sign := self._sign()) in _ARITHMETIC and _ARITHMETIC[sign] >= least:
            self.place += 1
            if sign == "**":
                if not columns:
                    raise RejectedError(f"{text}**...: a power is of a column.")
                text = f"{text} ** {self._exponent()}"
                continue
            if _ARITHMETIC[sign] == 1 and (token := self._peek()) is not None and token.kind == "text":
                self.place += 1
                right: tuple[str, list[str], list[str]] = (repr(token.text[1:-1]), [], [])
            else:
                right = self._deeper(partial(self._arithmetic, _ARITHMETIC[sign] + 1))
            text = f"{text} {sign} {right[0]}"
            columns, functions = columns + right[1], functions + right[2]
            if _ARITHMETIC[sign] == 1:
                break
        return text, columns, functions

    def _exponent(self) -> str:
        sign = "-" if self._sign() == "-" else ""
        self.place += bool(sign)
        token = self._next()
        if token.kind != "number" or float(token.text) > 2 * LARGEST_POWER:
            raise RejectedError(
                f"** {sign}{token.text}: the power of a column is a number of at most {2 * LARGEST_POWER}."
            )
        return sign + token.text

    def _arithmetic_operand(self) -> tuple[str, list[str], list[str]]:
        token = self._next()
        if token.kind == "number":
            return self._number_in_arithmetic(token), [], []
        if token.kind == "sign" and token.text in ("-", "+"):
            text, columns, functions = self._deeper(lambda: self._arithmetic(_UNARY))
            return f"{token.text}{text}", columns, functions
        if token.kind == "sign" and token.text == "(":
            text, columns, functions = self._deeper(lambda: self._arithmetic(1))
            self._expect(")")
            return f"({text})", columns, functions
        if token.kind == "quoted":
            return f"`{token.text}`", [token.text], []
        if token.kind == "name" and self._sign() == "(":
            call = self._deeper(lambda: self._call(token.text))
            if call.categories:
                raise RejectedError(f"{call.text} cannot stand inside another function.")
            return call.text, list(call.columns), list(call.functions)
        if token.kind == "name":
            if keyword.iskeyword(token.text):
                raise RejectedError(
                    f"{token.text!r} is a word of Python: inside a function, give the column another name."
                )
            return _column(token.text), [token.text], []
        raise RejectedError(f"{token.text!r} is not expected there.")

    def _number_in_arithmetic(self, token: Token) -> str:
        if not float(token.text) < 1e300:
            raise RejectedError(f"{token.text}: too large.")
        return token.text if len(token.text) <= 30 else repr(float(token.text))

    # tokens

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def _sign(self, ahead: int = 0) -> str | None:
        token = self._peek(ahead)
        return token.text if token is not None and token.kind == "sign" else None

    def _next(self) -> Token:
        token = self._peek()
        if token is None:
            raise RejectedError("it ends too early.")
        self.place += 1
        return token

    def _expect(self, sign: str) -> None:
        if self._sign() != sign:
            token = self._peek()
            raise RejectedError(f"{sign!r} is missing" + (f" before {token.text!r}." if token else "."))
        self.place += 1

    def _deeper[Read](self, read: Callable[[], Read]) -> Read:
        self.depth += 1
        if self.depth > DEEPEST:
            raise RejectedError(f"it is nested more than {DEEPEST} deep.")
        part = read()
        self.depth -= 1
        return part


def _column(name: str) -> str:
    """A name as it is handed on: in backticks where Python would read it as something else, an attribute for instance."""
    plain = unicodedata.normalize("NFKC", name) == name and "." not in name
    return name if plain else f"`{name}`"
