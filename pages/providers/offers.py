"""The checklist of a provider's models: the present ones, the ticked ones, and the ones to add."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.http import QueryDict

from providers.catalog import price_map, search
from providers.catalog.price_map import CatalogEntry

MOST_SHOWN = 60
MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model of the checklist. `is_present`: the provider has it, so that an unticked box removes it."""

    name: str
    is_ticked: bool
    is_present: bool
    entry: CatalogEntry


@dataclass(frozen=True, slots=True)
class Checklist:
    """The content of a checklist, and the state that it sends along.

    `present` are the provider's models when the form was opened. `listed` is the provider's own list: if given, it is
    searched, else LiteLLM's price map. `total` is the number of matches, shown or not.
    """

    type: str
    text: str = ""
    ticked: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()

    @classmethod
    def in_form(cls, data: QueryDict, *, type: str) -> Checklist:
        """The checklist of a posted form."""
        return cls(
            type=type,
            text=data.get("q", "").strip()[:128],
            ticked=tuple(dict.fromkeys(data.getlist("models"))),
            present=tuple(dict.fromkeys(data.getlist("present"))),
            listed=tuple(dict.fromkeys(data.getlist("listed")))[:MOST_LISTED],
        )

    @property
    def kept(self) -> list[OfferedModel]:
        """The provider's models and the ticked ones, regardless of the search."""
        return self._choices(dict.fromkeys((*self.present, *self.ticked)))

    @property
    def found(self) -> list[OfferedModel]:
        """The other models that match the search."""
        names = self._matches()[0]
        shown = {*self.present, *self.ticked}
        return self._choices(name for name in names if name not in shown)

    @property
    def shown(self) -> int:
        """How many of those that match are on the page, ticked ones too."""
        return len(self._matches()[0])

    @property
    def total(self) -> int:
        return self._matches()[1]

    def names_now(self, existing: Collection[str]) -> list[str]:
        """The provider's new list of models: those of `existing` that were not unticked, and the ticked ones."""
        unticked = set(self.present) - set(self.ticked)
        return list(dict.fromkeys((*(name for name in existing if name not in unticked), *self.ticked)))

    def _matches(self) -> tuple[list[str], int]:
        if not self.listed:
            found, total = search.search(type=self.type, q=self.text, size=MOST_SHOWN)
            return [model.name for model in found], total
        words = self.text.casefold().split()
        names = [name for name in self.listed if all(word in name.casefold() for word in words)]
        return names[:MOST_SHOWN], len(names)

    def _choices(self, names: Iterable[str]) -> list[OfferedModel]:
        return [
            OfferedModel(
                name, name in self.ticked, name in self.present, price_map.lookup(type=self.type, model_name=name)
            )
            for name in names
        ]
