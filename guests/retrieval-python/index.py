"""Finds passages by their words: the ranking function BM25 over an inverted index, all in memory."""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

PASSAGE_WORDS = 80
"""A passage is about so long: enough for a statement and what it is about, little enough to be cited."""

# How soon more of the same word stops counting, and how much longer passages are held back. The usual values.
SATURATION = 1.2
LENGTH_WEIGHT = 0.75

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n{2,}")
_COMMON = frozenset(
    "a an and are as at be by do does for from has have how i in is it its of on or that the this to was what when where "
    "which who will with you".split()
)


@dataclass(frozen=True)
class Passage:
    """A piece of a document."""

    title: str
    position: int
    """1 for the document's first passage."""
    text: str


class Index:
    """Passages, and the words that lead to them."""

    def __init__(self) -> None:
        self._passages: dict[int, tuple[Passage, int]] = {}
        self._words: dict[str, dict[int, int]] = defaultdict(dict)
        self._next = 0

    def __len__(self) -> int:
        return len(self._passages)

    def titles(self) -> list[str]:
        """Of all documents, in the order in which they were added."""
        return list(dict.fromkeys(passage.title for passage, _ in self._passages.values()))

    def add(self, title: str, text: str) -> int:
        """Takes in a document, in place of one of the same title, and says how many passages it has."""
        self.remove(title)
        pieces = passages(text)
        for position, piece in enumerate(pieces, 1):
            counts = Counter(words(f"{title} {piece}"))
            self._passages[self._next] = (Passage(title, position, piece), counts.total())
            for word, count in counts.items():
                self._words[word][self._next] = count
            self._next += 1
        return len(pieces)

    def remove(self, title: str) -> int:
        """Forgets a document, and says how many passages it had."""
        gone = [number for number, (passage, _) in self._passages.items() if passage.title == title]
        for number in gone:
            del self._passages[number]
            for found in self._words.values():
                found.pop(number, None)
        return len(gone)

    def search(self, question: str, limit: int) -> list[Passage]:
        """The passages that have most to do with a question, the best first."""
        if not self._passages:
            return []
        average = sum(length for _, length in self._passages.values()) / len(self._passages)
        scores: Counter[int] = Counter()
        for word in set(words(question)):
            found = self._words.get(word, {})
            # A word that few passages have says more than one that most have.
            weight = math.log(1 + (len(self._passages) - len(found) + 0.5) / (len(found) + 0.5))
            for number, count in found.items():
                length = self._passages[number][1] / average
                held_back = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * length)
                scores[number] += weight * count * (SATURATION + 1) / (count + held_back)  # type: ignore[assignment]
        return [self._passages[number][0] for number, _ in scores.most_common(limit)]


def words(text: str) -> list[str]:
    """The words that tell something, without endings that only grammar needs."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON]


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            return word.removesuffix(ending)
    return word


def passages(text: str) -> list[str]:
    """A text in passages of whole sentences."""
    pieces: list[str] = []
    current: list[str] = []
    length = 0
    for sentence in filter(None, map(str.strip, _SENTENCE_END.split(text))):
        count = len(_WORD.findall(sentence))
        if current and length + count > PASSAGE_WORDS:
            pieces.append(" ".join(current))
            current, length = [], 0
        current.append(sentence)
        length += count
    if current:
        pieces.append(" ".join(current))
    return pieces
