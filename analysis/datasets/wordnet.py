"""Superclasses of ImageNet's classes from WordNet 3.0 (Sec. 2.2; "class granularity" in Fig. 7).

A class is a synset: its wnid is "n" and the offset of the synset in WordNet 3.0's file of nouns. The paper maps the
1,000 classes "according to WordNet hierarchy" to 45 broader ones and does not say how. The rule here:

1. The parent of a synset is the hypernym that covers most of the classes (the one with the lower number among equals),
   which makes WordNet's graph a tree.
2. The superclasses are the 45 subtrees that contain every class exactly once with the least sum of squared sizes: as
   even as WordNet allows.

With the 1,000 classes of ILSVRC2012 this gives groups of 59, 57, 7 and 1 classes, among others; the paper shows 58, 7
and 1. WordNet is read with nltk, from its own data or from the files of Debian's package ``wordnet-base``.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import nltk.data
from nltk.corpus.reader.wordnet import Synset, WordNetCorpusReader

from analysis.errors import InputError

DEBIAN = Path("/usr/share/wordnet")
VERSION = "3.0"  # from which wnids are made
SUPERCLASSES_THERE = 45  # of superclasses, in the paper
WHERE = "WordNet 3.0 is Debian's package wordnet-base, or nltk's data: python -m nltk.downloader wordnet"

Parents = Mapping[int, Sequence[int]]  # the number of a synset -> those of its hypernyms


class Reader(WordNetCorpusReader):  # type: ignore[misc]  # nltk has no types
    """nltk's reader, also for Debian's files, which lack a list of file names and an index for other languages."""

    def open(self, file: str) -> TextIO:
        if file == "lexnames":
            return StringIO("".join(f"{number:02d} {number} 0\n" for number in range(45)))
        opened: TextIO = super().open(file)
        return opened

    def map_wn(self, version: str = "wordnet") -> None:
        return None


def superclasses(wnids: Sequence[str], number: int = SUPERCLASSES_THERE) -> dict[str, tuple[int, ...]]:
    """The superclasses of classes by name, each with the indices of its classes in ``wnids``, largest first.

    Raises InputError if WordNet 3.0 is not available, or lacks these classes.
    """
    wordnet = read_wordnet()
    synsets = {int(wnid[1:]): synset(wordnet, wnid) for wnid in wnids}
    parents: dict[int, list[int]] = {}
    waiting = list(synsets.values())
    while waiting:
        one = waiting.pop()
        if one.offset() not in parents:
            broader = one.hypernyms()
            parents[one.offset()] = [other.offset() for other in broader]
            synsets |= {other.offset(): other for other in broader}
            waiting += broader
    groups = evenest([int(wnid[1:]) for wnid in wnids], parents, number)
    lemmas = Counter(lemma(synsets[number]) for number in groups)
    return {
        lemma(synsets[number]) if lemmas[lemma(synsets[number])] == 1 else synsets[number].name(): members
        for number, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    }


def lemma(one: Synset) -> str:
    name: str = one.lemma_names()[0]
    return name.replace("_", " ")


@cache
def read_wordnet() -> Reader:
    """WordNet 3.0. Raises InputError if it is not available."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # about missing data for other languages
        reader = Reader(find_wordnet(), None)
    if reader.get_version() != VERSION:
        raise InputError(f"WordNet {reader.get_version()} is installed, which numbers synsets differently; {WHERE}")
    return reader


def find_wordnet() -> nltk.data.PathPointer | str:
    """The location of WordNet: nltk's data, or Debian's files. Raises InputError if it is in neither."""
    for place in ("corpora/wordnet", "corpora/wordnet.zip/wordnet/"):
        try:
            return nltk.data.find(place)
        except LookupError:
            continue
    if not (DEBIAN / "data.noun").is_file():
        raise InputError(f"WordNet is not available; {WHERE}")
    if str(DEBIAN) not in nltk.data.path:
        nltk.data.path.append(str(DEBIAN))  # nltk reads only in these folders
    return str(DEBIAN)


def synset(wordnet: WordNetCorpusReader, wnid: str) -> Synset:
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            found = wordnet.synset_from_pos_and_offset(wnid[0], int(wnid[1:]))
    except Exception:  # nltk raises its own errors and Python's
        found = None
    if found is None:
        raise InputError(f"class {wnid} is not in WordNet {VERSION}; {WHERE}")
    return found


def evenest(classes: Sequence[int], parents: Parents, number: int) -> dict[int, tuple[int, ...]]:
    """The ``number`` subtrees that contain each class once with the least sum of squared sizes, by their tops.

    Each with the indices in ``classes`` of its classes. Raises InputError if there is no such cut.
    """
    counts = covered(classes, parents)
    paths = [path(one, parents, counts) for one in classes]
    children: dict[int, set[int]] = defaultdict(set)
    inside: dict[int, list[int]] = defaultdict(list)
    for place, line in enumerate(paths):
        for child, parent in pairwise(line):
            children[parent].add(child)
        for top in line:
            inside[top].append(place)
    tops = {line[-1] for line in paths}
    cuts = together((cut(top, children, lambda one: len(inside[one]) ** 2, number) for top in sorted(tops)), number)
    if number not in cuts:
        raise InputError(f"WordNet cannot divide {len(classes)} classes into {number} superclasses")
    return {top: tuple(inside[top]) for top in cuts[number][1]}


def covered(classes: Sequence[int], parents: Parents) -> Counter[int]:
    """The number of classes below each synset, by any path."""
    counts: Counter[int] = Counter()
    for one in classes:
        above, waiting = set(), [one]
        while waiting:
            here = waiting.pop()
            if here not in above:
                above.add(here)
                waiting += parents[here]
        counts.update(above)
    return counts


def path(one: int, parents: Parents, counts: Mapping[int, int]) -> list[int]:
    """From a class upwards: at each step the hypernym that covers most classes."""
    line = [one]
    while parents[line[-1]]:
        line.append(min(parents[line[-1]], key=lambda parent: (-counts[parent], parent)))
    return line


Cuts = dict[int, tuple[float, tuple[int, ...]]]  # number of groups -> (least cost, the tops of the groups)


def cut(top: int, children: Mapping[int, Iterable[int]], cost: Callable[[int], float], most: int) -> Cuts:
    """The best ways to group all classes below ``top``: in one group, or as its children do, up to ``most`` groups."""
    whole: Cuts = {1: (cost(top), (top,))}
    if not children.get(top):
        return whole
    parts = together((cut(child, children, cost, most) for child in sorted(children[top])), most)
    return {
        n: min((cuts[n] for cuts in (whole, parts) if n in cuts), key=lambda found: found[0])
        for n in whole.keys() | parts.keys()
    }


def together(every: Iterable[Cuts], most: int) -> Cuts:
    """The best ways for several synsets together."""
    best: Cuts = {0: (0.0, ())}
    for cuts in every:
        found: Cuts = {}
        for n, (cost, tops) in best.items():
            for m, (more, others) in cuts.items():
                if n + m <= most and (n + m not in found or cost + more < found[n + m][0]):
                    found[n + m] = (cost + more, tops + others)
        best = found
    return best
