# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import random
import re
import threading
import time
from contextlib import closing
from dataclasses import replace
from itertools import combinations

import polars as pl
import pytest

from codecommons.annotate.annotators.encoding import encoding_of
from codecommons.datasets.election import elect
from codecommons.dedup import WORDS, compare_texts, known_then, pairs
from codecommons.dedup.tables import BAND, DUPLICATE_PAIR, SIGNATURE
from codecommons.dedup.texts import select_texts
from codecommons.engine import local_engine
from codecommons.lake import Lake
from codecommons.lake.erasing import erase
from codecommons.optout.takedown.tables import erase_contents
from codecommons.settings import Settings
from codecommons.swhid import content_id

# With so few anchors the bands of the test's families are crowded, and anchors change as slices arrive.
CROWDED = replace(WORDS, name="crowded", anchors=3)
# Nearly every newcomer of smaller identifier takes the place of an anchor.
NARROW = replace(WORDS, name="narrow", anchors=1)
WORD = re.compile(r"\w+")


def compare(lake, texts, configuration=WORDS, engine=None):
    ids = pl.DataFrame({"sha1_git": [content_id(text) for text in texts]}, schema={"sha1_git": pl.Binary})
    return compare_texts(lake, engine or local_engine(lake.settings), select_texts(lake, ids, configuration), configuration)


def seen(lake, configuration=WORDS):
    return pairs(lake, configuration).sort("a", "b").collect()


def exact(texts):
    """Similarity of all pairs of texts, by plain Python."""
    sets = {}
    for text in texts:
        words = WORD.findall(text.decode(encoding_of(text).encoding or "utf-8").lower())
        sets[content_id(text)] = {tuple(words[at : at + 5]) for at in range(len(words) - 4)}
    every = ((a, b, sets[a], sets[b]) for a, b in combinations(sorted(sets), 2))
    return {(a, b): len(x & y) / len(x | y) for a, b, x, y in every if x and y}


@pytest.fixture
def lake(settings, families, bring):
    lake = Lake.open(settings)
    bring(lake, families)
    return lake


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, families, bring):
    """A lake in which all texts were compared at once, under both configurations."""
    home = tmp_path_factory.mktemp("undisturbed")
    lake = Lake.open(Settings(home=home, lake=str(home / "lake"), workers=0))
    bring(lake, families)
    for configuration in (WORDS, CROWDED):
        compare(lake, families, configuration)
    return lake


def test_pairs_are_exact_and_hardly_one_is_missing(undisturbed, families):
    truth = {pair: similarity for pair, similarity in exact(families).items() if similarity >= WORDS.threshold}
    found = {
        (a, b): similarity for a, b, similarity in seen(undisturbed).filter("accepted").select("a", "b", "similarity").iter_rows()
    }
    assert len(truth) > 100
    assert found.items() <= truth.items()
    assert len(found) >= 0.97 * len(truth)
    rejected = seen(undisturbed).filter(~pl.col("accepted"))["similarity"]
    assert len(rejected) > 10
    assert all(WORDS.floor <= similarity < WORDS.threshold for similarity in rejected)


def test_the_encoding_of_a_text_makes_no_difference(undisturbed, families):
    latin, utf = (content_id("l'été à la plage n'est pas fini encore".encode(codec)) for codec in ("latin-1", "utf-8"))
    assert seen(undisturbed).filter(pl.col("a").is_in([latin, utf]))["similarity"].to_list() == [1.0]


def test_tiny_texts_and_binary_files_are_nobodys_duplicates(undisturbed, families):
    tiny = [content_id(text) for text in families if len(text.split()) < 5 or b"\0" in text]
    assert len(tiny) > 5
    assert seen(undisturbed).filter(pl.col("a").is_in(tiny) | pl.col("b").is_in(tiny)).is_empty()


@pytest.mark.parametrize("configuration", [WORDS, CROWDED], ids=lambda one: one.name)
@pytest.mark.parametrize("seed", range(3))
def test_any_split_into_slices_in_any_order_gives_the_same_pairs(lake, families, undisturbed, seed, configuration):
    chance = random.Random(seed)
    waiting = list(families)
    chance.shuffle(waiting)
    slices = []
    while waiting:
        slices.append([waiting.pop() for _ in range(min(len(waiting), chance.randint(1, 30)))])
    for texts in slices:
        compare(lake, texts + chance.sample(families, 3), configuration)
    compare(lake, slices[0], configuration)
    assert seen(lake, configuration).equals(seen(undisturbed, configuration))


@pytest.mark.parametrize("seed", range(4))
def test_the_pairs_of_a_day_are_those_of_a_lake_that_ends_there_in_whatever_order_days_came(
    lake, families, tmp_path, bring, seed
):
    chance = random.Random(seed)
    days = {day: chance.sample(families, chance.randint(15, 40)) for day in range(4)}
    order = [day for day in days for _ in range(2)]
    chance.shuffle(order)
    for at, day in enumerate(order):  # half a day at a time, the first half twice
        half = days[day][: len(days[day]) // 2]
        compare(lake, days[day] if day in order[:at] else half, NARROW)
    settings = replace(lake.settings, home=tmp_path / "other", lake=str(tmp_path / "other" / "lake"))
    ending = Lake.open(settings)
    bring(ending, families)
    missing = 0
    for day in days:
        compare(ending, days[day], NARROW)
        until = pl.DataFrame({"content": sorted({content_id(text) for some in range(day + 1) for text in days[some]})})
        among = until.sample(fraction=0.9, seed=seed)
        here = pl.col("a").is_in(among["content"].implode()) & pl.col("b").is_in(among["content"].implode())
        expected = seen(ending, NARROW).drop("configuration").filter(here)
        known = known_then(lake, local_engine(lake.settings), until, among, NARROW)
        found = known.pairs.sort("a", "b").collect()
        assert found.equals(expected)
        ranks = among.with_row_index("rank")
        other = known_then(ending, local_engine(lake.settings), until.lazy(), among, NARROW)
        assert elect(ranks, known, NARROW.threshold).equals(elect(ranks, other, NARROW.threshold))
        missing += found.join(seen(lake, NARROW), on=["a", "b"], how="anti").height
    assert missing > 0


def test_a_slice_that_came_to_nothing_leaves_no_trace_in_the_pairs_of_the_others(lake, families, tmp_path, bring):
    ordered = sorted(families, key=content_id)
    compare(lake, ordered, NARROW)
    others = ordered[len(ordered) // 3 :]
    other = Lake.open(replace(lake.settings, home=tmp_path / "other", lake=str(tmp_path / "other" / "lake")))
    bring(other, families)
    compare(other, others, NARROW)
    texts = pl.DataFrame({"content": [content_id(text) for text in others]})
    found = known_then(lake, local_engine(lake.settings), texts, texts, NARROW).pairs.sort("a", "b").collect()
    assert found.equals(seen(other, NARROW).drop("configuration"))
    assert found.height > seen(lake, NARROW).join(texts, left_on="a", right_on="content", how="semi").height


def test_the_pairs_of_a_day_are_there_while_a_later_slice_is_half_compared_and_after_its_signatures_went(
    lake, families, bring, monkeypatch
):
    bring(lake, families)
    ordered = sorted(families, key=content_id)
    later, first = ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]  # the later ones push all anchors out
    texts = pl.DataFrame({"content": [content_id(text) for text in first]})
    compare(lake, first, NARROW)
    expected = seen(lake, NARROW).drop("configuration")
    commits, commit = [], Lake.commit

    def killed(self, area, staged, engine):
        if len(commits) == 2:  # bands and pairs are there, and what they made stale is gone; signatures are not
            raise KeyboardInterrupt
        commits.append(area)
        return commit(self, area, staged, engine)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            compare(lake, later, NARROW)
    assert seen(lake, NARROW).join(expected, on=["a", "b"], how="semi").height < expected.height
    assert known_then(lake, local_engine(lake.settings), texts, texts, NARROW).pairs.sort("a", "b").collect().equals(expected)
    compare(lake, later, NARROW)
    gone = pl.Series([content_id(text) for text in later], dtype=pl.Binary)
    erase(lake.storage, "signature", {"content": gone})
    assert known_then(lake, local_engine(lake.settings), texts, texts, NARROW).pairs.sort("a", "b").collect().equals(expected)


def test_crowded_bands_are_compared_with_their_anchors_only(undisturbed, lake, families):
    everything, fewer = seen(undisturbed), seen(undisturbed, CROWDED)
    assert 0 < fewer.height < everything.height
    assert fewer.join(everything, on=["a", "b", "similarity", "accepted"], how="anti").is_empty()
    # Few at a time, from the largest identifier down: every text is an anchor when it comes, and few are in the end.
    ordered = sorted(families, key=content_id, reverse=True)
    for at in range(0, len(ordered), 4):
        compare(lake, ordered[at : at + 4], CROWDED)
    assert seen(lake, CROWDED).equals(fewer)


def test_a_dataset_keeps_those_that_stay_where_everybody_was_compared_whoever_is_preferred(undisturbed, families, elect_known):
    texts = pl.DataFrame({"content": sorted(content_id(text) for text in families)})
    everything = seen(undisturbed).filter("accepted")
    both = pl.concat([everything, everything.rename({"a": "b", "b": "a"}).select(everything.columns)])
    more = 0
    for seed in range(12):
        ranks = texts.sample(fraction=random.Random(seed).uniform(0.3, 1), shuffle=True, seed=seed).with_row_index("rank")
        known = known_then(undisturbed, local_engine(undisturbed.settings), texts, ranks, CROWDED)
        gone = elect(ranks, known, CROWDED.threshold)
        assert set(gone["rank"]) == set(elect_known(ranks, everything)["rank"])
        named = gone.join(ranks.rename({"content": "a"}), on="rank").join(
            ranks.rename({"content": "b", "rank": "kept"}), on="kept"
        )
        assert named.join(both, on=["a", "b", "similarity"], how="semi").height == gone.height
        more += gone.height - elect_known(ranks, known.pairs.filter("accepted")).height
    assert more > 0


def test_who_stays_is_the_same_for_any_number_of_workers_and_any_size_of_batches(undisturbed, families):
    texts = pl.DataFrame({"content": sorted(content_id(text) for text in families)})
    ranks = texts.sample(fraction=0.8, shuffle=True, seed=1).with_row_index("rank")
    found = []
    for workers, batch in ((0, 1 << 25), (2, 3000), (3, 1)):
        lake = Lake.open(replace(undisturbed.settings, workers=workers, batch_bytes=batch))
        for table in undisturbed.tables().values():
            lake.register(table)
        with closing(local_engine(lake.settings)) as engine:
            found.append(elect(ranks, known_then(lake, engine, texts, ranks, CROWDED), CROWDED.threshold))
    assert found[0].height > 10
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_a_second_run_computes_nothing(undisturbed, families):
    before = {table.name: undisturbed.delta(table).version() for table in (BAND, SIGNATURE, DUPLICATE_PAIR)}
    compared = compare(undisturbed, families)
    assert (compared.new, compared.pairs, compared.candidates) == (0, 0, 0)
    assert before == {name: undisturbed.delta(name).version() for name in before}


def test_the_number_of_workers_and_the_size_of_batches_make_no_difference(tmp_path, families, bring, undisturbed):
    settings = Settings(home=tmp_path, lake=str(tmp_path / "lake"), workers=2, batch_bytes=3000)
    lake = Lake.open(settings)
    bring(lake, families)
    compare(lake, families, engine=local_engine(settings))
    assert seen(lake).equals(seen(undisturbed))
    assert (
        lake.scan(SIGNATURE)
        .drop("bucket")
        .sort("content")
        .collect()
        .equals(
            undisturbed.scan(SIGNATURE)
            .filter(pl.col("configuration").str.starts_with("words-"))
            .drop("bucket")
            .sort("content")
            .collect()
        )
    )


@pytest.mark.parametrize("configuration", [WORDS, CROWDED], ids=lambda one: one.name)
def test_two_slices_at_once_lose_no_pair(settings, lake, families, undisturbed, configuration):
    halves = families[::2] + families[:9], families[1::2] + families[-9:]
    failed = []

    def run(texts):
        try:
            compare(Lake.open(settings), texts, configuration)
        except Exception as error:  # shown below: a thread has nobody to raise to
            failed.append(error)

    threads = [threading.Thread(target=run, args=(texts,)) for texts in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert seen(lake, configuration).equals(seen(undisturbed, configuration))


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_a_slice_that_comes_and_goes_between_the_commits_of_another_leaves_no_stale_pair(
    settings, lake, families, undisturbed, monkeypatch, commits
):
    # Two that are a pair until the rest crowds the bands that they share.
    passing = seen(undisturbed).join(seen(undisturbed, CROWDED), on=["a", "b"], how="anti").row(0)
    first = [text for text in families if content_id(text) in passing]
    rest = [text for text in families if content_id(text) not in passing]
    done = 0
    commit = lake.commit

    def interrupted(*arguments):
        nonlocal done
        if done == commits:
            compare(Lake.open(settings), rest, CROWDED)
        done += 1
        return commit(*arguments)

    monkeypatch.setattr(lake, "commit", interrupted)
    compare(lake, first, CROWDED)
    assert seen(lake, CROWDED).equals(seen(undisturbed, CROWDED))


@pytest.mark.parametrize("configuration", [WORDS, CROWDED], ids=lambda one: one.name)
@pytest.mark.parametrize("commits", [1, 2])
def test_a_run_that_is_cut_off_between_commits_is_made_whole_by_the_next(
    lake, families, undisturbed, monkeypatch, commits, configuration
):
    compare(lake, families[30:], configuration)
    done = 0
    commit = lake.commit

    def cut(*arguments):
        nonlocal done
        if done == commits:
            raise KeyboardInterrupt
        done += 1
        return commit(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(lake, "commit", cut)
        with pytest.raises(KeyboardInterrupt):
            compare(lake, families, configuration)
    compare(lake, families, configuration)
    assert seen(lake, configuration).equals(seen(undisturbed, configuration))


def test_a_changed_parameter_makes_new_rows_beside_the_old_ones(lake, families):
    texts = families[:12]
    compare(lake, texts)
    stricter = replace(WORDS, threshold=0.9)
    assert compare(lake, texts, stricter).new == len(
        select_texts(lake, pl.DataFrame({"sha1_git": [content_id(t) for t in texts]}), WORDS)
    )
    assert lake.scan(SIGNATURE).select(pl.col("configuration").n_unique()).collect().item() == 2
    assert set(seen(lake)["configuration"]).isdisjoint(seen(lake, stricter)["configuration"])


def test_after_a_takedown_the_pairs_are_those_of_a_lake_that_never_had_what_went(settings, tmp_path, bring):
    texts = sorted((f"{' '.join(f'w{n}' for n in range(40))} end {n}".encode() for n in range(150)), key=content_id)
    gone, left = texts[:70], texts[70:]
    lake, other = (
        Lake.open(settings),
        Lake.open(replace(settings, home=tmp_path / "other", lake=str(tmp_path / "other" / "lake"))),
    )
    bring(lake, texts)
    compare(lake, texts)
    for _ in erase_contents(lake, pl.Series([content_id(text) for text in gone], dtype=pl.Binary)):
        pass
    assert compare(lake, left).new == len(left)
    bring(other, left)
    compare(other, left)
    assert seen(lake).equals(seen(other))
    assert compare(lake, left).new == 0


def test_a_boilerplate_that_thousands_share_takes_bounded_time_and_a_dataset_keeps_one_of_them(settings, bring, elect_known):
    lake = Lake.open(replace(settings, batch_bytes=1 << 20))
    base = " ".join(f"w{n}" for n in range(150))
    texts = [f"{base} end {n}".encode() for n in range(1500)]
    bring(lake, texts)
    start = time.monotonic()
    compared = compare(lake, texts)
    assert compared.candidates < WORDS.bands * WORDS.anchors * len(texts)
    assert compared.crowded > 0
    assert time.monotonic() - start < 120
    # The lake knows of everyone only what the anchors are like; whom a dataset prefers is none of them.
    ids = pl.DataFrame({"content": sorted((content_id(text) for text in texts), reverse=True)}).with_row_index("rank")
    accepted = seen(lake).filter("accepted")
    assert len(texts) - elect_known(ids, accepted).height > 1400
    start = time.process_time()
    gone = elect(ids, known_then(lake, local_engine(lake.settings), ids, ids), 0.98)
    assert time.process_time() - start < 10
    assert gone.height == len(texts) - 1
    assert gone["kept"].unique().to_list() == [0]
