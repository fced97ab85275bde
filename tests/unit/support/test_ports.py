"""Ports of tests: no two processes give the same one."""

import pytest

from tests.support.ports import free_port, free_ports, share


@pytest.mark.parametrize("workers", [1, 4, 7])
def test_each_process_has_ports_of_its_own(workers: int) -> None:
    shares = [set(share(worker, workers)) for worker in range(workers)]

    assert len(set().union(*shares)) == sum(map(len, shares))
    assert min(map(len, shares)) > 3000


def test_a_port_is_not_given_twice() -> None:
    assert len({free_port() for _ in range(20)}) == 20


def test_ports_in_a_row_are_given_to_nobody_else() -> None:
    first = free_ports(3)

    assert not {free_port(), free_ports(2)} & {first, first + 1, first + 2}
