"""Sessions never wait for each other's locks, and nothing begins before what it presumes."""

from __future__ import annotations

import pytest

from restore.dumps.connections import MERGE_BUFFER, choose_maintenance_memory, choose_sort_memory
from restore.dumps.load.loader import choose_piece_bytes
from restore.dumps.load.post_data_tasks import FIRST, PROOF, Lock, Planner, Task, choose_ready_task
from restore.dumps.model import MIB
from restore.dumps.sql.allow_list import ClassifiedStatement, classify
from restore.dumps.sql.splitter import Statement

STATEMENTS = (
    "CREATE INDEX a ON public.big USING btree (x)",
    "CREATE INDEX b ON public.big USING gin (y)",
    "ALTER TABLE ONLY public.big\n    ADD CONSTRAINT big_pkey PRIMARY KEY (id)",
    "ALTER TABLE ONLY public.big\n    ADD CONSTRAINT big_x EXCLUDE USING gist (x WITH &&)",
    "ALTER TABLE ONLY public.small\n    ADD CONSTRAINT small_pkey PRIMARY KEY (id)",
    "ALTER TABLE ONLY public.parent\n    ADD CONSTRAINT parent_pkey PRIMARY KEY (id)",
)
SIZES = {b"public.big": 100 * MIB, b"public.small": 1000, b"public.parent": 100 * MIB}


def known(text: str, number: int = 1) -> ClassifiedStatement:
    return classify(Statement(text.encode(), number, 0, 1))


def planner() -> Planner:
    return Planner(lambda table: SIZES.get(table, 0), {b"public.parent"})


def planned() -> list[Task]:
    return planner().plan_heavies([known(text, number) for number, text in enumerate(STATEMENTS, 1)])


def by_name(tasks: list[Task]) -> dict[str, Task]:
    return {task.name: task for task in tasks}


def test_a_big_tables_key_is_an_index_beside_others_and_a_key_after_all_of_them() -> None:
    tasks = by_name(planned())
    assert tasks["index big_pkey"].statements == (b"CREATE UNIQUE INDEX big_pkey ON public.big USING btree (id)",)
    assert {task.name for task in tasks["key big_pkey"].after} >= {"index big_pkey", "index a", "index b"}
    assert tasks["index a"].is_compatible_with(tasks["index big_pkey"])


def test_a_small_or_partitioned_tables_key_stays_one_statement() -> None:
    tasks = by_name(planned())
    assert "constraint small_pkey" in tasks
    assert "constraint parent_pkey" in tasks


def test_a_constraint_waits_for_the_tables_indexes() -> None:
    assert {task.name for task in by_name(planned())["constraint big_x"].after} >= {"index a", "index b"}


def test_no_statement_is_planned_twice() -> None:
    plan = planner()
    statements = [known(text, number) for number, text in enumerate(STATEMENTS, 1)]
    assert plan.plan_heavies(statements)
    assert plan.plan_heavies(statements) == []


def test_nothing_begins_before_its_table_is_loaded() -> None:
    assert choose_ready_task(planned(), [], lambda _: False) is None


def test_the_most_expensive_task_begins_first() -> None:
    first = choose_ready_task(planned(), [], lambda _: True)
    assert first is not None
    assert first.name == "index b"


def test_what_takes_long_begins_before_what_is_quick_so_that_no_session_is_left_alone_with_it() -> None:
    order = [
        "USING gin (y)",
        "USING btree (name)",
        "USING btree (lower(x), y)",
        "USING btree (x, y)",
        "USING btree (x) WHERE (y = ANY (ARRAY[1, 2]))",
        "USING brin (x)",
    ]
    texts = {(b"public.big", b"name"), (b"public.small", b"x")}
    plan = Planner(lambda table: SIZES.get(table, 0), set(), texts)
    statements = [known(f"CREATE INDEX i ON public.big {text}", number) for number, text in enumerate(order)]
    number_key = known(STATEMENTS[2], 10)
    text_key = known("ALTER TABLE ONLY public.big\n    ADD CONSTRAINT k UNIQUE (name)", 11)
    costs = [task.cost for task in plan.plan_heavies(statements)]
    assert costs == sorted(costs, reverse=True)
    assert costs[1] == costs[2]
    by_key = by_name(plan.plan_heavies([number_key, text_key]))
    assert by_key["index big_pkey"].cost < costs[4] < by_key["index k"].cost


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (Lock.SHARE, Lock.SHARE, True),
        (Lock.SHARE, Lock.ROW_SHARE, True),
        (Lock.SHARE_UPDATE_EXCLUSIVE, Lock.SHARE_UPDATE_EXCLUSIVE, False),
        (Lock.SHARE_UPDATE_EXCLUSIVE, Lock.SHARE, False),
        (Lock.ROW_SHARE, Lock.SHARE_UPDATE_EXCLUSIVE, True),
        (Lock.EXCLUSIVE, Lock.ROW_SHARE, False),
    ],
)
def test_tasks_run_together_only_where_the_server_lets_them(one: Lock, other: Lock, together: bool) -> None:
    tasks = [Task("a", (), {b"t": one}, 1), Task("b", (), {b"t": other}, 1)]
    assert tasks[0].is_compatible_with(tasks[1]) is together
    assert Task("c", (), {b"u": Lock.EXCLUSIVE}, 1).is_compatible_with(tasks[0])


FOREIGN_KEY = "ALTER TABLE {} {}\n    ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES {}(id)"


def foreign_key(table: str = "public.big", other: str = "public.small", number: int = 90) -> ClassifiedStatement:
    return known(FOREIGN_KEY.format("ONLY", table, other), number)


def test_a_foreign_key_is_added_quickly_and_proved_later_unless_a_partitioned_table_takes_part() -> None:
    add, proof = planner().plan_foreign_keys([foreign_key()])
    assert add.statements[0].endswith(b" NOT VALID")
    assert proof.statements == (b"ALTER TABLE ONLY public.big VALIDATE CONSTRAINT f",)
    assert proof.after == {add}
    assert (add.number, proof.number) == (90, 90)
    assert add.step != proof.step
    (whole,) = planner().plan_foreign_keys([foreign_key(other="public.parent")])
    assert whole.locks == {b"public.big": Lock.SHARE_ROW_EXCLUSIVE, b"public.parent": Lock.SHARE_ROW_EXCLUSIVE}


def test_only_a_foreign_key_that_presumes_no_attached_index_begins_early() -> None:
    plan = planner()
    assert plan.begins_early(foreign_key())
    assert plan.begins_early(foreign_key("public.parent"))
    assert not plan.begins_early(foreign_key(other="public.parent"))
    assert not plan.begins_early(known("ALTER TABLE ONLY public.big REPLICA IDENTITY FULL"))
    assert not plan.begins_early(known("REFRESH MATERIALIZED VIEW public.view"))


def test_what_takes_a_partitioned_table_takes_its_partitions_when_their_indexes_are_there() -> None:
    plan = planner()
    plan.partitions[b"public.parent"] = [b"public.big"]
    index, key = plan.plan_heavies([known("CREATE INDEX a ON public.big USING btree (x)", 1), known(STATEMENTS[5], 2)])
    alone = index.cost
    (whole,) = plan.plan_foreign_keys([foreign_key("public.parent")])
    assert whole.cost > SIZES[b"public.parent"] * PROOF
    assert index.cost > alone, "the foreign key waits for it"
    statistics = plan.plan_analyze(b"public.parent", 0)
    for task in (whole, statistics):
        assert task.after == {index, key}
        assert task.locks.keys() >= {b"public.parent", b"public.big"}
    assert not whole.is_compatible_with(statistics)
    assert not statistics.is_compatible_with(index)


def test_a_foreign_key_that_the_source_never_proved_is_not_proved_here() -> None:
    text = FOREIGN_KEY.format("ONLY", "public.big", "public.small") + " NOT VALID"
    (whole,) = planner().plan_foreign_keys([known(text)])
    assert whole.statements == (text.encode(),)


def test_a_foreign_key_comes_after_the_indexes_and_keys_of_both_tables() -> None:
    plan = planner()
    heavies = plan.plan_heavies([known(text, number) for number, text in enumerate(STATEMENTS, 1)])
    add, _ = plan.plan_foreign_keys([foreign_key()])
    assert {task for task in heavies if b"public.parent" not in task.locks} == add.after


def test_a_foreign_key_is_not_kept_waiting_by_ever_new_index_builds() -> None:
    plan = planner()
    builds = [known(f"CREATE INDEX i{n} ON public.small USING btree (x)", n) for n in range(3)]
    running, second, third = plan.plan_heavies(builds)
    add = Task("add", (), {b"public.small": Lock.SHARE_ROW_EXCLUSIVE}, FIRST)
    elsewhere = Task("other", (), {b"public.other": Lock.SHARE}, 1)
    assert choose_ready_task([second, add, elsewhere, third], [running], lambda _: True) is elsewhere
    assert choose_ready_task([second, add, elsewhere, third], [], lambda _: True) is add


def test_what_a_foreign_keys_proof_waits_for_begins_before_what_nothing_waits_for() -> None:
    statements = [
        known("ALTER TABLE ONLY public.small\n    ADD CONSTRAINT small_pkey PRIMARY KEY (id)", 1),
        known("CREATE INDEX lonely ON public.lonely USING btree (x)", 2),
    ]
    for foreign_keys, first in (([], "index lonely"), ([foreign_key()], "constraint small_pkey")):
        plan = Planner(lambda table: {**SIZES, b"public.lonely": 90 * MIB}.get(table, 0), set())
        tasks = plan.plan_heavies(statements)
        found = choose_ready_task([*tasks, *plan.plan_foreign_keys(foreign_keys)], [], lambda _: True)
        assert found is not None
        assert found.name == first


def test_materialized_views_are_filled_in_the_dumps_order() -> None:
    texts = ["REFRESH MATERIALIZED VIEW public.b", "REFRESH MATERIALIZED VIEW public.a"]
    first, second = planner().plan_refreshes(known(text, number) for number, text in enumerate(texts, 1))
    assert first.statements == (texts[0].encode(),)
    assert second.after == {first}


@pytest.mark.parametrize(("buffers", "workers", "wanted"), [(128, 8, "64MB"), (2048, 4, "1024MB"), (1024, 4, "512MB")])
def test_index_builds_never_take_more_memory_than_the_server_has(buffers: int, workers: int, wanted: str) -> None:
    assert choose_maintenance_memory(buffers * MIB, workers) == wanted


def test_more_sessions_hold_no_more_of_the_dump_than_eight() -> None:
    assert choose_piece_bytes(8 * MIB, 2) == choose_piece_bytes(8 * MIB, 8) == 8 * MIB
    for workers in (9, 32, 100):
        assert 72 * MIB < choose_piece_bytes(8 * MIB, workers) * (workers + 2) <= 80 * MIB


def test_only_b_trees_are_sorted_in_little_memory_and_as_much_as_one_merge_needs() -> None:
    tasks = by_name(planned())
    assert tasks["index a"].sorts == tasks["index big_pkey"].sorts == 100 * MIB
    assert tasks["index b"].sorts == 0  # a GIN index gathers in all the memory it can have
    for size in (0, 100 * MIB, 100 << 30, 10 << 40):
        memory = choose_sort_memory(size)
        index = size / 4
        runs, merged_at_once = 2 * index / memory, memory / MERGE_BUFFER
        assert memory >= 8 * MIB
        assert runs <= merged_at_once * 1.001
