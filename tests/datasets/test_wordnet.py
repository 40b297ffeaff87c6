"""Superclasses: the evenest cut against brute force, and WordNet's own files against an independent reading of them."""

import itertools
import shutil
import zipfile
from pathlib import Path

import nltk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.datasets import imagenet_files, wordnet
from analysis.errors import InputError

# --- the rule, on small hierarchies


def test_a_synset_of_two_kinds_goes_to_the_one_that_covers_most_classes():
    """10 is above 1, 2 and 3; 11 above 3 and 4; both below 20. Class 3 goes with 1 and 2."""
    parents = {1: [10], 2: [10], 3: [11, 10], 4: [11], 10: [20], 11: [20], 20: []}
    assert wordnet.evenest([1, 2, 3, 4], parents, 2) == {10: (0, 1, 2), 11: (3,)}
    assert wordnet.evenest([1, 2, 3, 4], parents, 1) == {20: (0, 1, 2, 3)}


def test_among_equals_the_lower_number_is_the_parent():
    parents = {1: [11, 10], 2: [10], 3: [11], 10: [20], 11: [20], 20: []}
    assert wordnet.evenest([1, 2, 3], parents, 2)[10] == (0, 1)


def test_a_cut_that_is_not_there_is_one_sentence():
    with pytest.raises(InputError, match="cannot divide 2 classes into 3 superclasses"):
        wordnet.evenest([1, 2], {1: [3], 2: [3], 3: []}, 3)


@st.composite
def hierarchies(draw):
    """Leaves 0 to n - 1 of a random tree: synset i's parent is any later one."""
    n, more = draw(st.integers(2, 7)), draw(st.integers(1, 5))
    last = n + more
    parents = {i: [draw(st.integers(max(i + 1, n), last))] for i in range(last)} | {last: []}
    return list(range(n)), parents


def below(top, classes, parents):
    def above(one):
        return {one}.union(*map(above, parents[one]))

    return tuple(place for place, one in enumerate(classes) if top in above(one))


@given(hierarchies(), st.integers(1, 7))
def test_no_other_cut_is_more_even(hierarchy, number):
    classes, parents = hierarchy
    tops = {top: inside for top in parents if (inside := below(top, classes, parents))}
    costs = [
        sum(len(tops[top]) ** 2 for top in some)
        for some in itertools.combinations(tops, number)
        if sorted(itertools.chain(*(tops[top] for top in some))) == list(range(len(classes)))
    ]
    if not costs:
        with pytest.raises(InputError, match="cannot divide"):
            wordnet.evenest(classes, parents, number)
        return
    found = wordnet.evenest(classes, parents, number)
    assert len(found) == number
    assert sorted(itertools.chain(*found.values())) == list(range(len(classes)))
    assert all(found[top] == tops[top] for top in found)
    assert sum(len(inside) ** 2 for inside in found.values()) == min(costs)


# --- WordNet itself


@pytest.fixture(scope="module")
def nouns():
    """Lemmas and hypernyms of every noun by number, read from Debian's file as wndb(5WN) describes it."""
    path = wordnet.DEBIAN / "data.noun"
    if not path.is_file():
        pytest.skip("needs Debian's wordnet-base")
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            fields = line.partition(" | ")[0].split(" ")
            words = int(fields[3], 16)
            pointers = fields[5 + 2 * words :]
            above = [int(pointers[i + 1]) for i in range(0, 4 * int(fields[4 + 2 * words]), 4) if pointers[i] == "@"]
            found[int(fields[0])] = ([fields[4 + 2 * i] for i in range(words)], above)
    return found


@pytest.fixture
def debian(nouns, monkeypatch):
    """Debian's files, though nltk's data may be here too."""
    monkeypatch.setattr(nltk.data, "path", [str(wordnet.DEBIAN)])
    wordnet.read_wordnet.cache_clear()
    yield
    wordnet.read_wordnet.cache_clear()


def test_forty_five_superclasses_hold_each_class_once(debian):
    wnids, _ = imagenet_files.classes()
    groups = wordnet.superclasses(wnids)
    assert len(groups) == 45
    assert sorted(itertools.chain(*groups.values())) == list(range(1000))
    sizes = [len(members) for members in groups.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert {59, 57, 7, 1} <= set(sizes)  # the paper shows 58, 7 and 1


def test_every_class_of_a_superclass_is_one_in_wordnets_file(debian, nouns):
    def lemmas_above(one):
        return set(nouns[one][0]).union(*map(lemmas_above, nouns[one][1]))

    wnids, _ = imagenet_files.classes()
    for name, members in wordnet.superclasses(wnids).items():
        lemma = name.split(".")[0].replace(" ", "_")
        for k in members:
            assert lemma in lemmas_above(int(wnids[k][1:])), (name, wnids[k])


def test_wnids_and_names_are_wordnets(nouns):
    """Each class's name is one of its synset's words; torchvision adds one to two of them, to tell them apart."""
    wnids, names = imagenet_files.classes()
    for wnid, name in zip(wnids, names, strict=True):
        own = {"crane bird": "crane", "maillot tank suit": "maillot"}.get(name, name)
        assert own.replace(" ", "_").casefold() in {word.casefold() for word in nouns[int(wnid[1:])][0]}


def test_a_class_that_wordnet_does_not_have_is_one_sentence(debian):
    with pytest.raises(InputError, match=r"class n00000001 is not in WordNet 3\.0"):
        wordnet.superclasses(["n01440764", "n00000001"])


def test_no_wordnet_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setattr(wordnet, "DEBIAN", tmp_path)
    with pytest.raises(InputError, match=r"WordNet is not available; .* Debian's package wordnet-base, or nltk's data"):
        wordnet.find_wordnet()


def test_another_wordnet_is_one_sentence(debian, monkeypatch):
    monkeypatch.setattr(wordnet.Reader, "get_version", lambda self: "3.1")
    with pytest.raises(InputError, match=r"WordNet 3.1 is installed, which numbers synsets differently"):
        wordnet.read_wordnet()


@pytest.mark.parametrize("packed", [False, True])
def test_nltks_own_data_is_read_as_it_is_or_packed(nouns, monkeypatch, tmp_path, packed):
    """nltk's downloader leaves a zip file."""
    corpora = tmp_path / "nltk_data" / "corpora"
    corpora.mkdir(parents=True)
    if packed:
        with zipfile.ZipFile(corpora / "wordnet.zip", "w") as archive:
            for file in filter(Path.is_file, wordnet.DEBIAN.iterdir()):
                archive.write(file, f"wordnet/{file.name}")
    else:
        shutil.copytree(wordnet.DEBIAN, corpora / "wordnet")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "nltk_data")])
    monkeypatch.setattr(wordnet, "DEBIAN", tmp_path / "nowhere")
    wordnet.read_wordnet.cache_clear()
    groups = wordnet.superclasses(["n01440764", "n01443537", "n02123045"], 2)
    wordnet.read_wordnet.cache_clear()
    assert sorted(groups.values()) == [(0, 1), (2,)]
