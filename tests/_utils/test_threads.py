import threading
import time

import pytest

from sklearn_homeo._utils.threads import ahead


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_values_come_in_turn_and_those_not_asked_for_are_left(n_threads):
    called = []

    def slower_at_first(i):
        called.append(i)
        time.sleep(0.01 * (5 - i))
        return i * i

    values = ahead(slower_at_first, range(5), n_threads)
    assert [next(values), next(values)] == [0, 1]
    values.close()
    assert set(range(2)) <= set(called)
    assert len(called) <= max(2, n_threads)
    assert list(ahead(slower_at_first, range(5), n_threads)) == [0, 1, 4, 9, 16]


def test_as_many_values_as_threads_are_worked_out_together():
    barrier = threading.Barrier(2, timeout=10)
    assert list(ahead(lambda i: (barrier.wait(), i)[1], range(4), 2)) == [0, 1, 2, 3]


def test_errors_come_out():
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda i: 1 // i, [1, 0], 2))
